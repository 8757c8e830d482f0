/** Traffic that is not as it should be: repeated, in any order, late, all of one person. */
import { createRandom } from '../../simulate/random.ts'
import type { Fault, FaultSite } from './fault.ts'

const HOUR_MS = 3_600_000
const LATENESS_MS = 7 * 24 * HOUR_MS
const EVENTS = 600
const BATCH = 50
const random = createRandom(7)

function shuffled<Item>(items: readonly Item[]): Item[] {
  const all = items.map((item) => [random.uniform(), item] as const)
  return all.sort(([a], [b]) => a - b).map(([, item]) => item)
}

async function deliver(site: FaultSite, events: readonly { readonly event_id: string }[]): Promise<number> {
  for (let from = 0; from < events.length; from += BATCH) await site.sender.deliver(events.slice(from, from + BATCH))
  return performance.now()
}

/** Every kind of event about one person in `share`, the others about people of their own; `agesMs` before now. */
function makeEvents(site: FaultSite, share: number, ageMs: () => number): { event_id: string }[] {
  const kinds = [
    { type: 'share', content_id: 'article' },
    { type: 'invite', action: 'sent', invite_id: 'invite-of-all' },
    { type: 'conversion', kind: 'signup', referrer_id: 'everybody' },
  ] as const
  return Array.from({ length: EVENTS }, (_, number) => {
    const actor = random.uniform() < share ? 'everybody' : `person-${number}`
    return site.sender.share(actor, { ...kinds[number % kinds.length], occurred_at: Math.floor(Date.now() - ageMs()) })
  })
}

/** Faults of traffic, for a site of any form. */
export const TRAFFIC_FAULTS: readonly Fault<FaultSite>[] = [
  {
    name: '10 % duplicates, in shuffled order',
    rounds: { short: 1, full: 10 },
    round(site) {
      const events = makeEvents(site, 0.01, () => random.uniform() * HOUR_MS)
      const again = events.filter(() => random.uniform() < 0.1)
      return deliver(site, shuffled([...events, ...again]))
    },
  },
  {
    name: 'events late inside and outside of the allowed lateness',
    rounds: { short: 1, full: 10 },
    round(site) {
      const events = makeEvents(site, 0.01, () => random.uniform() * 2 * LATENESS_MS)
      return deliver(site, events)
    },
  },
  {
    name: '90 % of the events are of one person',
    rounds: { short: 1, full: 10 },
    round(site) {
      return deliver(
        site,
        makeEvents(site, 0.9, () => random.uniform() * HOUR_MS),
      )
    },
  },
]
