/**
 * The wall clock, as far as it can be believed. Its time goes into the log with every event, and the log's time never goes
 * back: after a leap of a year ahead and back, events would be taken for a year late until that year has passed. So a leap
 * ahead that what has passed since boot does not bear out is believed only when it has lasted for a while; until then time
 * goes on as it was. A leap back, and from there ahead again, is believed at once: it harms nothing that stays.
 */
import { uptime } from 'node:os'
import type { Clock } from '../schemas/ports/clock.ts'
import { ALLOWED_LATENESS_MS } from '../schemas/windows.ts'

/** Less makes no event late for good. */
const LEAP_MS_MAX = ALLOWED_LATENESS_MS
/** A smaller difference to what has passed for this process is no leap, and is not looked into. */
const UNSEEN_MS = 60_000
/** A clock that is set right stays so; one that was set wrong is mostly set back sooner. */
const LASTS_MS = 10 * 60_000
/** Before the year 2000 a clock was never set: the first leap from there is to the right time (METRICS: such events are refused). */
const UNSET_BEFORE_MS = Date.UTC(2000, 0, 1)

interface WaryClockOptions {
  readonly onError: (message: string, error: unknown) => void
  readonly wallMs?: () => number
  /** What has passed for this process, in ms: cheap to ask at every event, but it stands still while the machine sleeps. */
  readonly steadyMs?: () => number
  /** What has passed since boot, in ms, time asleep included. */
  readonly uptimeMs?: () => number
}

/** Builds it: epoch ms. `onError` is told, once each, of a leap that is not believed yet, and what became of it. */
export function createWaryClock({
  onError,
  wallMs = () => Date.now(),
  steadyMs = () => performance.now(),
  uptimeMs = () => uptime() * 1_000,
}: WaryClockOptions): Clock {
  /** The wall clock less the uptime: now, and the furthest ahead that was believed. */
  let believed = wallMs() - uptimeMs()
  let furthest = believed
  let steady = wallMs() - steadyMs()
  let doubtedAtMs: number | undefined

  return {
    nowMs() {
      const wall = wallMs()
      const ahead = wall - steadyMs()
      if (doubtedAtMs === undefined && Math.abs(ahead - steady) < UNSEEN_MS) return wall
      steady = ahead
      const up = uptimeMs()
      const found = wall - up
      const leapMs = found - furthest
      const wasUnset = believed + up < UNSET_BEFORE_MS
      if (leapMs > LEAP_MS_MAX && !wasUnset) {
        if (doubtedAtMs === undefined) {
          doubtedAtMs = up
          tell('the clock of this machine leapt ahead, and is not believed for ten minutes: see that it is right', leapMs)
        }
        if (up - doubtedAtMs < LASTS_MS) return believed + up
        tell('the clock of this machine stayed ahead, and is believed now', leapMs)
      } else if (doubtedAtMs !== undefined) tell('the clock of this machine came back: nothing was taken down by the wrong time', leapMs)
      doubtedAtMs = undefined
      believed = found
      furthest = Math.max(furthest, found)
      return wall
    },
  }

  function tell(message: string, leapMs: number): void {
    onError(message, new Error(`it is ${(leapMs / 86_400_000).toFixed(1)} days from where it was`))
  }
}
