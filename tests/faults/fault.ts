/** What a fault is to the run: a name, and a round of it on a product that is under load. */
import type { EventSender } from './event-sender.ts'
import type { SiteReadiness } from './site-readiness.ts'

/** A product under load, whatever its form. */
export interface FaultSite {
  readonly sender: EventSender
  /** What `/readyz` of the part that serves numbers says. */
  readiness(): Promise<SiteReadiness>
  /** Resolves when every part is ready and what is readable is at most 5 s behind. Rejects when that takes too long. */
  recovered(): Promise<void>
  /** Runs a command of the product. Rejects with what it printed when it fails. */
  run(...args: readonly string[]): Promise<string>
  /** Starts the load; it ran already when the site was opened. */
  startLoad(): void
  /** Resolves when everything that the load made is acknowledged. */
  stopLoad(): Promise<void>
  /** CPU that a process which was started since it was last asked has used, ms; undefined when none was, or several. */
  newProcessCpuMs(): Promise<number | undefined>
  /** Newest lines of all parts, for a report of what went wrong. */
  printed(): string
  close(): Promise<void>
}

/** Instant from which recovery is counted (`performance.now()`), and what was measured besides, in words. */
export interface HealedRound {
  readonly since: number
  readonly measured: string
}

export interface Fault<Site extends FaultSite> {
  readonly name: string
  /** Rounds of the short and of the long run; 0 in the short one for what takes too long, or is much like another. */
  readonly rounds: { readonly short: number; readonly full: number }
  /**
   * Does the harm, asserts what must be seen meanwhile, and heals. Gives the instant from which recovery is counted
   * (`performance.now()`). `round` counts from 0. Rejects with ImpossibleHere where the machine does not allow it.
   */
  round(site: Site, round: number): Promise<number | HealedRound>
}

export interface SiteSettings {
  readonly eventsPerSecond: number
  /** A disk of so many MB of its own for a folder below the data folder. */
  readonly smallDisk: { readonly folder: string; readonly megabytes: number }
}

/** The machine on which the run takes place does not allow this fault. */
export class ImpossibleHere extends Error {
  override readonly name = 'ImpossibleHere'
}

/** @throws Error with `what` unless it holds. */
export function mustHold(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}

/** Asks again until `check` gives something; rejects with `what` after `msMax`. */
export async function eventually<Found>(what: string, msMax: number, check: () => Promise<Found | undefined>): Promise<Found> {
  const endsAt = performance.now() + msMax
  for (let last = ''; ; ) {
    try {
      const found = await check()
      if (found !== undefined) return found
    } catch (error) {
      last = error instanceof Error ? `: ${error.message}` : ''
    }
    if (performance.now() > endsAt) throw new Error(`${what} did not come within ${msMax} ms${last}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
