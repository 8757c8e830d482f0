/** The wall clock of the machine jumps, and jumps back. */
import type { EmbeddedSite } from './embedded-site.ts'
import type { Fault } from './fault.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const HOUR_MS = 3_600_000
/** Long enough for ticks and commits by the wrong clock. */
const WRONG_MS = 3_000

function clockFault(name: string, shiftMs: number): Fault<EmbeddedSite> {
  return {
    name,
    rounds: { short: 1, full: 5 },
    async round(site) {
      site.machine.shiftClock(shiftMs)
      await sleep(WRONG_MS)
      await site.sender.deliver([site.sender.share()])
      site.machine.shiftClock(0)
      const mendedAt = performance.now()
      await site.sender.deliver([site.sender.share()])
      return mendedAt
    },
  }
}

export const CLOCK_FAULTS: readonly Fault<EmbeddedSite>[] = [
  clockFault('the clock jumps an hour ahead, and back', HOUR_MS),
  clockFault('the clock jumps an hour behind, and ahead again', -HOUR_MS),
  clockFault('the clock jumps a year behind, and ahead again', -365 * 24 * HOUR_MS),
  clockFault('the clock jumps a year ahead, and back', 365 * 24 * HOUR_MS),
]
