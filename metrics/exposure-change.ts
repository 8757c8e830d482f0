/**
 * Why L, the exposure of K, changed: other people arrived, or people take another time to bring others. L of one window can
 * be worked out with the delays of the other; the two ways of going from one to the other are averaged (Fisher's
 * ideal index: Fisher, "The making of index numbers", 1922), so that neither comes first and nothing is left over.
 */
import { logMean } from './log-mean-index.ts'

/** L by whether the person who arrived was referred, with the delays G of its own window and of the one that it is compared with. */
export interface ExposureCounts {
  readonly referred: number
  readonly unreferred: number
  /** The same arrivals under the other window's delays; without it the whole change counts as one of arrivals. */
  readonly under_other_delays?: { readonly referred: number; readonly unreferred: number }
}

export interface ExposureParts {
  /** Arrivals that nobody referred. */
  readonly unreferred_arrivals: number
  readonly referred_arrivals: number
  readonly delays: number
}

/** Parts of the change of L; they add up to it. Every L is at least 0. */
export function arrivalsAndDelays(before: ExposureCounts, after: ExposureCounts): ExposureParts {
  const unreferred = split('unreferred', before, after)
  const referred = split('referred', before, after)
  return {
    unreferred_arrivals: unreferred.arrivals,
    referred_arrivals: referred.arrivals,
    delays: unreferred.delays + referred.delays,
  }
}

function split(kind: 'referred' | 'unreferred', before: ExposureCounts, after: ExposureCounts): { arrivals: number; delays: number } {
  const [was, is] = [before[kind], after[kind]]
  const [wasUnderNew, isUnderOld] = [before.under_other_delays?.[kind], after.under_other_delays?.[kind]]
  const isKnown = was > 0 && is > 0 && wasUnderNew !== undefined && wasUnderNew > 0 && isUnderOld !== undefined && isUnderOld > 0
  if (!isKnown) return { arrivals: is - was, delays: 0 }
  const mean = logMean(is, was)
  return {
    arrivals: (mean * (Math.log(isUnderOld / was) + Math.log(is / wasUnderNew))) / 2,
    delays: (mean * (Math.log(wasUnderNew / was) + Math.log(is / isUnderOld))) / 2,
  }
}
