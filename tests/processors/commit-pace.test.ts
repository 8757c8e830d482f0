import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CommitPace } from '../../processors/runtime/commit-pace.ts'

/** The interval after commits that took so long. */
async function intervalAfter(tookMs: readonly number[], shortestMs = 250, isAwaited = false): Promise<number> {
  let nowMs = 1_000
  const pace = new CommitPace({ nowMs: () => nowMs }, shortestMs, isAwaited)
  for (const ms of tookMs) {
    await pace.during(async () => {
      nowMs += ms
    })
  }
  return pace.intervalMs
}

it.each([
  ['before the first commit it is the shortest', [], 250],
  ['quick commits come at the shortest', [25], 250],
  ['slow ones take a tenth of the time', [60], 600],
  ['very slow ones come four times as rarely, and no less', [5_000], 1_000],
  ['a clock that went back tells nothing', [-3_600_000], 250],
])('%s', async (_name, tookMs, intervalMs) => {
  expect(await intervalAfter(tookMs)).toBe(intervalMs)
})

it('where other tasks wait for it each comes as early as it can', async () => {
  expect(await intervalAfter([5_000], 250, true)).toBe(250)
})

it('the newest commit counts, and where commits may follow one another at once they do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(10_000), { minLength: 1 }), async (tookMs) => {
      expect(await intervalAfter(tookMs)).toBe(await intervalAfter(tookMs.slice(-1)))
      expect(await intervalAfter(tookMs, 0)).toBe(0)
    }),
  )
})
