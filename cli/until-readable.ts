/** Waits until what the log holds is readable, for a command that is to end: with progress, and not for ever. */
import { setTimeout as sleep } from 'node:timers/promises'
import { CommandError } from './command-error.ts'
import type { Engine } from './engine.ts'

/** Nothing became readable for so long: somebody has to look. */
const STANDSTILL_MS_MAX = 120_000
const LOOK_MS = 1_000

interface Limits {
  readonly standstillMsMax?: number
  readonly lookMs?: number
}

/**
 * Ends when everything appended so far is readable; yields how much is not. Throws CommandError `too_busy` when nothing of it
 * became readable, and no rebuild went on, for two minutes: a partition may be processed by nobody.
 */
export async function* untilReadable(
  engine: Pick<Engine, 'waitUntilReadable' | 'status'>,
  { standstillMsMax = STANDSTILL_MS_MAX, lookMs = LOOK_MS }: Limits = {},
): AsyncGenerator<{ readonly kind: 'progress'; readonly done: number; readonly total: number; readonly doing: string }> {
  let isReadable = false
  const readable = engine.waitUntilReadable().then(() => {
    isReadable = true
  })
  readable.catch(() => undefined) // whoever gave up does not hear of it any more
  let ends: readonly number[] | undefined
  let progress = ''
  let movedMs = performance.now()
  for (;;) {
    await Promise.race([readable, sleep(lookMs, undefined, { ref: false })])
    if (isReadable) return
    const { committedOffsets, logEndOffsets, rebuilding, notReady } = await engine.status()
    ends ??= logEndOffsets
    const left = ends.reduce((sum, end, partition) => sum + Math.max(0, end - (committedOffsets[partition] ?? 0)), 0)
    const now = `${left} ${rebuilding?.events ?? ''}`
    if (now !== progress) movedMs = performance.now()
    progress = now
    const standsStill = performance.now() - movedMs
    if (standsStill > standstillMsMax) {
      const why = notReady.length > 0 ? `: ${notReady.join('; ')}` : left > 0 ? ': ask /readyz of the processes that process' : ''
      throw new CommandError(
        'too_busy',
        `${left > 0 ? `${left} records of the log are not readable` : 'what the records of the log led to is not readable'}, and for ${Math.floor(standsStill / 1_000)} s nothing has changed; run kappa verify again later${why}`,
      )
    }
    yield {
      kind: 'progress',
      done: 0,
      total: 0,
      doing: left > 0 ? `waiting for ${left} records to be readable` : 'waiting for windows to be closed',
    }
  }
}
