/**
 * How much a pace moves by itself from one window to the next, beyond what chance explains: what a forecast must allow
 * for, since the pace of the last window is not that of the next. Pure.
 */

/** One window: what was counted, per how much exposure, and the variance of the count over that of Poisson (>= 1). */
export interface PaceWindow {
  readonly count: number
  readonly exposure: number
  readonly excess: number
}

/**
 * Variance of the change of the log of the pace (count / exposure) between neighbouring windows: the method of moments of DerSimonian and
 * Laird (1986), Control Clin Trials 7:177, so that a change counts by how well it is known. 0 when chance explains the
 * changes, or with fewer than two windows.
 */
export function paceDrift(windows: readonly PaceWindow[]): number {
  let surplus = 0
  let precision = 0
  for (const [index, here] of windows.entries()) {
    const next = windows[index + 1]
    if (next === undefined) break
    const variance = logVariance(here) + logVariance(next)
    surplus += (logPace(here) - logPace(next)) ** 2 / variance - 1
    precision += 1 / variance
  }
  return precision === 0 ? 0 : Math.max(0, surplus / precision)
}

/** Half a count more keeps the logarithm of none in bounds. */
function logPace({ count, exposure }: PaceWindow): number {
  return Math.log((count + 0.5) / exposure)
}

function logVariance({ count, excess }: PaceWindow): number {
  return excess / (count + 0.5)
}
