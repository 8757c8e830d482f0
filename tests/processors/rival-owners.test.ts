/** Two instances that both believe to own a task, in whatever order they come to the log: all agree on what was committed. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { CommitProgress } from '../../processors/runtime/commit-progress.ts'
import { type CommitEntry, FencedError } from '../../processors/runtime/commit-store.ts'
import { LogCommitStore } from '../../processors/runtime/log-commit-store.ts'
import { type Log, LogUnavailableError, type StoredMessage } from '../../schemas/ports/log.ts'
import { type AppendFate, type DoubtfulLog, doubtfulLog } from './doubtful-log.ts'

const NOTE = { settlings: 0, hasUnsettled: false, rebuilds: 0 }
const TRIES_MAX = 4

/** What becomes of an instance's commits, one after the other. */
type Course = 'carried out' | 'crash before' | 'crash in it'
type Resolved = { readonly sequence: number; readonly positions: readonly number[] }

const instance = fc.record({
  courses: fc.array(fc.constantFrom<Course>('carried out', 'carried out', 'carried out', 'crash before', 'crash in it'), { maxLength: 8 }),
  fates: fc.array(fc.constantFrom<AppendFate>('well', 'well', 'well', 'refused', 'answer lost', 'lands later'), { maxLength: 24 }),
})

async function patiently(act: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof LogUnavailableError) || tries === TRIES_MAX) throw error
    }
  }
}

/** One commit as the runner makes it: what was left open is carried out, then its own. Tells when an intent resolved. */
async function commitOnce(store: LogCommitStore, mark: number, course: Course, onResolved: (commit: Resolved) => void): Promise<void> {
  const last = store.after(0).at(-1)
  if (last?.done === false) await patiently(() => store.done(last.sequence, NOTE))
  const commit = { sequence: (last?.sequence ?? 0) + 1, positions: [(last?.positions[0] ?? 0) + 1, mark] }
  await patiently(() => store.intend(commit.sequence, commit.positions))
  onResolved(commit)
  if (course === 'carried out') await patiently(() => store.done(commit.sequence, NOTE))
}

/** Goes through its courses; takes the task up again whenever it lost it, as one that is told it owns it. */
async function live(name: string, log: DoubtfulLog, courses: readonly Course[], onResolved: (commit: Resolved) => void): Promise<void> {
  let store: LogCommitStore | undefined
  for (const [index, course] of courses.entries()) {
    if (course === 'crash before') store = undefined
    try {
      store ??= await LogCommitStore.open({ log, partition: 0, owner: `${name}-${index}` })
      // No two commits have the same positions.
      await commitOnce(store, index * 2 + (name === 'one' ? 0 : 1), course, onResolved)
      if (course === 'crash in it') store = undefined
    } catch (error) {
      if (!(error instanceof FencedError || error instanceof LogUnavailableError)) throw error
      store = undefined
    }
    if (index % 3 === 2) await log.land()
  }
  await log.land()
}

async function foundIn(messages: readonly StoredMessage[]): Promise<CommitEntry[]> {
  const copy = createMemoryLog({ partitions: 1 })
  await copy.append(messages)
  return (await LogCommitStore.open({ log: copy, partition: 0, owner: 'reader' })).after(0)
}

it('rival owners and all readers agree on one sequence of commits', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), instance, instance, async (scheduler, one, two) => {
      const log = createMemoryLog({ partitions: 1 })
      const turn = () => scheduler.schedule(Promise.resolve())
      /** The log as an instance sees it: what others do comes in between whenever the scheduler says. */
      const seenWith = (fates: readonly AppendFate[]): DoubtfulLog => {
        const slow: Log = {
          ...log,
          append: (messages) => turn().then(() => log.append(messages)),
          read: (partition, offset, limit) => turn().then(() => log.read(partition, offset, limit)),
        }
        const seen = doubtfulLog(slow)
        seen.fates.push(...fates)
        return seen
      }
      const resolved: Resolved[] = []
      const note = (commit: Resolved) => void resolved.push(commit)
      await scheduler.waitFor(
        Promise.all([live('one', seenWith(one.fates), one.courses, note), live('two', seenWith(two.fates), two.courses, note)]),
      )

      const messages = await log.read(0, 0, 10_000)
      const all = await foundIn(messages)
      expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, index) => index + 1))
      // Who was told that an intent stands was told so of the one that does.
      for (const { sequence, positions } of resolved) expect(all[sequence - 1]?.positions).toEqual(positions)

      let until = 0
      const progress = new CommitProgress({ ...log, read: (_, offset) => messages.slice(offset, until), endOffset: () => until })
      let doneBefore = 0
      for (; until <= messages.length; until += 1) {
        // Whoever reads up to any place finds the beginning of the same, and what was done before.
        const found = await foundIn(messages.slice(0, until))
        expect(found.map(({ positions }) => positions)).toEqual(all.slice(0, found.length).map(({ positions }) => positions))
        const done = found.filter((entry) => entry.done).length
        expect(done).toBeGreaterThanOrEqual(doneBefore)
        doneBefore = done
        await progress.refresh()
        const newest = found.findLast((entry) => entry.done)
        expect([progress.of(0)?.sequence, progress.of(0)?.positions]).toEqual([newest?.sequence, newest?.positions])
      }
    }),
    { numRuns: 300 },
  )
})
