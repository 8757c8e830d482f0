/** When snapshots are due: by what a restart would cost, and by what they cost. */
import { beforeEach, describe, expect, it } from 'vitest'
import { SnapshotSchedule } from '../../processors/runtime/snapshot-schedule.ts'

const RECORDS = 1_000
let nowMs: number
let schedule: SnapshotSchedule
beforeEach(() => {
  nowMs = 1_000_000
  schedule = new SnapshotSchedule({ nowMs: () => nowMs }, RECORDS)
})

function process(records: number): void {
  for (let count = 0; count < records; count += 1) schedule.processed()
}
const writeOne = (tookMs: number) =>
  schedule.during(async () => {
    nowMs += tookMs
  })
/** Seconds go by, with so many records in each; tells whether one was due. */
function pass(seconds: number, recordsPerSecond: number): boolean {
  let wasDue = false
  for (let second = 0; second < seconds && !wasDue; second += 1) {
    nowMs += 1_000
    process(recordsPerSecond)
    wasDue = schedule.isDue()
  }
  return wasDue
}

describe('a snapshot is due', () => {
  it('after a number of records, then after as many again', async () => {
    for (let time = 0; time < 3; time += 1) {
      process(RECORDS - 1)
      expect([schedule.isDue(), schedule.hasNews]).toEqual([false, true])
      process(1)
      expect(schedule.isDue()).toBe(true)
      await writeOne(50)
      expect([schedule.isDue(), schedule.hasNews]).toEqual([false, false])
    }
  })

  it('the later the longer one takes: a twentieth of the time at most', async () => {
    process(RECORDS)
    await writeOne(4_000)
    process(RECORDS * 10)
    schedule.want()
    nowMs += 75_999
    expect(schedule.isDue()).toBe(false)
    nowMs += 1
    expect(schedule.isDue()).toBe(true)
  })

  it('for fewer records when little happens after them', () => {
    process(RECORDS / 10)
    expect(pass(70, 0)).toBe(true)
  })

  it('not for a handful, however long nothing happens', () => {
    process(RECORDS / 25)
    expect(pass(3_600, 0)).toBe(false)
  })

  it('not for fewer while records go on coming', () => {
    expect(pass(120, 8)).toBe(false)
    expect(pass(10, 8)).toBe(true) // as many as make it due
  })

  it('at once when something took long that would have to be done again', async () => {
    schedule.want()
    expect([schedule.isDue(), schedule.hasNews]).toEqual([true, true])
    await writeOne(10)
    expect([schedule.isDue(), schedule.hasNews]).toEqual([false, false])
  })

  it('later, when one failed', async () => {
    process(RECORDS)
    await expect(schedule.during(() => Promise.reject(new Error('disk full')))).rejects.toThrow('disk full')
    expect(schedule.isDue()).toBe(false)
    process(RECORDS)
    expect(schedule.isDue()).toBe(true)
  })
})
