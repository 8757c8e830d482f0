/** Lists of numbers by owner against arrays: whatever is put in and taken out, in front, in the middle, over a snapshot. */
import { deserialize, serialize } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PaneTally, type PaneTallySnapshot } from '../../processors/growth/pane-tally.ts'
import { NONE } from '../../processors/runtime/sorted-lists.ts'

const step = fc.record({
  person: fc.constantFrom(0, 1, 200),
  pane: fc.integer({ min: -3, max: 6 }),
  what: fc.constantFrom('more', 'more', 'less', 'restart'),
})

describe('PaneTally', () => {
  it('has of every person the panes with their counts, newest first', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        let tally = new PaneTally()
        const counts = new Map<number, Map<number, number>>()
        for (const { person, pane, what } of steps) {
          const ofPerson = counts.get(person) ?? new Map<number, number>()
          counts.set(person, ofPerson)
          const count = ofPerson.get(pane) ?? 0
          if (what === 'restart') tally = new PaneTally(deserialize(serialize(tally.snapshot())) as PaneTallySnapshot)
          else if (what === 'more') {
            tally.add(person, pane, 1)
            ofPerson.set(pane, count + 1)
          } else if (count > 0) {
            tally.add(person, pane, -1)
            if (count === 1) ofPerson.delete(pane)
            else ofPerson.set(pane, count - 1)
          }
        }
        for (const person of [0, 1, 199, 200, 5000]) {
          const found: number[][] = []
          for (let entry = tally.newest(person); entry !== NONE; entry = tally.older(entry))
            found.push([tally.pane(entry), tally.count(entry)])
          expect(found).toEqual([...(counts.get(person) ?? [])].sort(([a], [b]) => b - a))
        }
      }),
    )
  })
})
