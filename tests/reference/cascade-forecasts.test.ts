import { describe, expect, it } from 'vitest'
import { median, trialsOfKnownReach, trialsOfUnknownReach } from '../support/cascade-trials.ts'
import { hasReference, notThere } from '../support/reference-files.ts'

const TWEET = 'seismic-tweet'
const WEIBO = 'weibo-casflow-sample'

/** Errors of one way to say it, at each age. */
function byName(trials: ReturnType<typeof trialsOfKnownReach>, name: string): number[] {
  return trials.map(({ errors }) => median(errors[name] as readonly number[]))
}

describe('forecasts of public cascades', () => {
  it('with reach: one large cascade, nearer than naive extrapolation in its first six hours', ({ skip }) => {
    if (!hasReference(TWEET)) skip(notThere(TWEET))
    const trials = trialsOfKnownReach([1, 2, 3, 4, 5, 6])
    const seismic = byName(trials, 'SEISMIC')
    for (const naive of ['no more', 'mean rate', 'last rate']) {
      for (const [index, error] of byName(trials, naive).entries()) expect(seismic[index]).toBeLessThan(error / 1.5)
    }
    // From three hours on, when a quarter of the shares are there: 9.0, 6.2, 9.0, 2.7 %.
    expect(Math.max(...seismic.slice(2))).toBeLessThan(0.1)
    expect(trials.filter(({ covered }) => covered === 1)).toHaveLength(6)
  })

  it('without reach: 30 cascades, each by the history of the others', ({ skip }) => {
    if (!hasReference(WEIBO)) skip(notThere(WEIBO))
    const trials = trialsOfUnknownReach([0.5, 1, 2, 3, 6])
    const history = byName(trials, 'history')
    // 24.3, 17.5, 10.8, 9.1, 7.9 %.
    const bounds = [0.3, 0.22, 0.15, 0.12, 0.1]
    for (const [index, error] of history.entries()) expect(error).toBeLessThan(bounds[index] as number)
    for (const naive of ['no more', 'mean rate', 'last rate']) {
      for (const [index, error] of byName(trials, naive).entries()) expect(history[index]).toBeLessThan(error / 1.25)
    }
    for (const [index, error] of byName(trials, 'median growth').entries()) expect(history[index]).toBeLessThan(error)
    // One number for the reach of all sees no end of what ended long ago.
    expect(Math.min(...byName(trials, 'SEISMIC, reach 1'))).toBeGreaterThan(1)
    const contents = trials.reduce((sum, trial) => sum + trial.contents, 0)
    const covered = trials.reduce((sum, trial) => sum + trial.covered, 0)
    expect(covered / contents).toBeGreaterThan(0.9)
  })
})
