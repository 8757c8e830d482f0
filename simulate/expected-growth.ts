/** How large a simulation will be: the renewal equation of its branching process, solved step by step. */
import { DAY_MS } from '../schemas/windows.ts'

export interface ExpectedGrowth {
  /** Expected signups by the end, per person who comes by itself, arrivals spread evenly. */
  readonly signupsPerUser: number
}

const STEP_DAYS = 1 / 48

/**
 * b(t) = 1 + K x integral of g(s) b(t - s) ds with g the density of an Erlang delay of two steps, as two linear stages:
 * x' = K b - x / step, y' = (x - y) / step, b = 1 + y / step.
 */
export function expectedGrowth(k: number, days: number, generationMeanMs: number = DAY_MS): ExpectedGrowth {
  const stepMean = generationMeanMs / DAY_MS / 2
  const step = Math.min(STEP_DAYS, stepMean / 20)
  const steps = Math.ceil(days / step)
  let first = 0
  let second = 0
  let signups = 0
  for (let index = 0; index < steps; index++) {
    const births = 1 + second / stepMean
    signups += births * step
    second += step * ((first - second) / stepMean)
    first += step * (k * births - first / stepMean)
  }
  return { signupsPerUser: signups / (steps * step) }
}

/** Growth per day of a process with K: the root of K = (1 + r mean / 2)^2 (Euler-Lotka); 0 at K = 1. */
export function growthPerDay(k: number, generationMeanMs: number = DAY_MS): number {
  return (2 * (Math.sqrt(k) - 1)) / (generationMeanMs / DAY_MS)
}
