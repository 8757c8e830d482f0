/** Commits of several tasks go in together; each hears of its own, and what failed comes again as it was. */
import { describe, expect, it } from 'vitest'
import type { Sink } from '../../schemas/ports/commit-sink.ts'
import type { CommitBatch } from '../../schemas/records.ts'
import { createGroupedSink } from '../../warehouse/sink/grouped-sink.ts'

function batch(token: string, more: Partial<CommitBatch> = {}): CommitBatch {
  const people = [{ actor_id: token }] as unknown as CommitBatch['people']
  return { token, version: 1, events: [], quarantined: [], people, growth: [], restatements: [], ...more }
}

/** A sink of which each write waits until it is let through or refused. */
function gated() {
  const writes: { batch: CommitBatch; pass: () => void; refuse: () => void }[] = []
  const sink: Sink = {
    write: (written) =>
      new Promise<void>((resolve, reject) => {
        writes.push({ batch: written, pass: resolve, refuse: () => reject(new Error('away')) })
      }),
    async *history() {},
  }
  return { sink, writes }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const namesOf = ({ people }: CommitBatch) => people.map(({ actor_id: id }) => id)

describe('a sink for several tasks', () => {
  it('writes what came meanwhile together, in the order in which it came', async () => {
    const { sink, writes } = gated()
    const grouped = createGroupedSink(sink)
    const done: string[] = []
    for (const token of ['a', 'b', 'c']) void grouped.write(batch(token)).then(() => done.push(token))
    await turn()
    void grouped.write(batch('d')).then(() => done.push('d'))
    void grouped.write(batch('e')).then(() => done.push('e'))
    expect(writes.map(({ batch: written }) => namesOf(written))).toEqual([['a', 'b', 'c']])
    writes[0]?.pass()
    await turn()
    expect(done).toEqual(['a', 'b', 'c'])
    expect(writes.slice(1).map(({ batch: written }) => namesOf(written))).toEqual([['d', 'e']])
    writes[1]?.pass()
    await turn()
    expect(done).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  it('tries a group again as it was put together, whoever comes first and with whom', async () => {
    const { sink, writes } = gated()
    const grouped = createGroupedSink(sink)
    const refused: string[] = []
    for (const token of ['a', 'b']) void grouped.write(batch(token)).catch(() => refused.push(token))
    await turn()
    writes[0]?.refuse()
    await turn()
    expect(refused).toEqual(['a', 'b'])
    const done: string[] = []
    void grouped.write(batch('c')).then(() => done.push('c'))
    await turn()
    void grouped.write(batch('b')).then(() => done.push('b'))
    void grouped.write(batch('d')).then(() => done.push('d'))
    void grouped.write(batch('a')).then(() => done.push('a'))
    for (let index = 1; index < 4; index += 1) {
      writes[index]?.pass()
      await turn()
    }
    expect(writes.map(({ batch: written }) => written.token)).toEqual(['a+b', 'c', 'a+b', 'd'])
    expect(done).toEqual(['c', 'b', 'a', 'd'])
  })

  it('writes a rebuilt workspace alone', async () => {
    const { sink, writes } = gated()
    const grouped = createGroupedSink(sink)
    for (const one of [batch('a'), batch('b', { staged: { id: 'r', part: 1 } }), batch('c')]) void grouped.write(one)
    for (let index = 0; index < 3; index += 1) {
      await turn()
      writes[index]?.pass()
    }
    await turn()
    expect(writes.map(({ batch: written }) => written.token)).toEqual(['a', 'b', 'c'])
  })
})
