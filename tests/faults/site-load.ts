/** The load of a site: one steady load after the other, and what all of them together were told. */
import { createRandom } from '../../simulate/random.ts'
import { startSteadyLoad, type SteadyLoad } from '../integration/steady-load.ts'

export interface SiteLoad {
  start(): void
  /** Resolves when everything that was made is acknowledged; rejects when that takes more than a minute. */
  stop(): Promise<void>
  /** Ids that were acknowledged. */
  acknowledged(): ReadonlySet<string>
  /** Sendings by their outcome, of all loads. */
  outcomes(): Readonly<Record<string, number>>
}

const STOP_MS_MAX = 60_000
const SEED = 20261121

/** Builds it; nothing is sent before `start`. `url` is asked for every sending: a product that starts again has another. */
export function createSiteLoad(options: { readonly url: () => string; readonly key: string; readonly eventsPerSecond: number }): SiteLoad {
  const loads: SteadyLoad[] = []
  let running: SteadyLoad | undefined
  return {
    start() {
      if (running !== undefined) return
      running = startSteadyLoad({
        get url() {
          return options.url()
        },
        key: options.key,
        eventsPerSecond: options.eventsPerSecond,
        prefix: `load${loads.length}`,
        random: createRandom(SEED + loads.length),
      })
      loads.push(running)
    },
    async stop() {
      const ending = running?.stop()
      running = undefined
      let timer: NodeJS.Timeout | undefined
      const tooLate = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`the load was not acknowledged within ${STOP_MS_MAX} ms`)), STOP_MS_MAX)
      })
      await Promise.race([ending, tooLate])
      clearTimeout(timer)
    },
    acknowledged: () => new Set(loads.flatMap(({ tally }) => [...tally.acknowledged])),
    outcomes() {
      const all: Record<string, number> = {}
      for (const { tally } of loads)
        for (const [outcome, count] of Object.entries(tally.outcomes)) all[outcome] = (all[outcome] ?? 0) + count
      return all
    },
  }
}
