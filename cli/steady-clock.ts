/**
 * A clock for durations: when this process started, by the wall clock, plus what has passed since. The wall clock may jump
 * an hour or a year, and back; what waits for a moment of it would then wait that long.
 */
import { performance } from 'node:perf_hooks'
import type { Clock } from '../schemas/ports/clock.ts'

/** Builds it: epoch ms that never jump and never go back; of use only for what has passed between two looks. */
export function createSteadyClock(): Clock {
  return { nowMs: () => performance.timeOrigin + performance.now() }
}
