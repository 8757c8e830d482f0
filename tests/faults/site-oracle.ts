/**
 * The judge after a fault: what was acknowledged stands in exactly one place, nothing twice, nothing that was never sent,
 * and all numbers are the same by the stream, by SQL and by a naive pass over the log (docs: ARCHITECTURE "Invariants").
 */
import type { FaultSite } from './fault.ts'

export interface Verdict {
  /** Events that were acknowledged. */
  readonly acknowledged: number
  /** Acknowledged, and neither among raw events nor in the quarantine. */
  readonly lost: number
  /** Rows of raw events beyond one an id. */
  readonly doubled: number
  /** In both places at once. */
  readonly inTwoPlaces: number
  /** Stored, though never sent. */
  readonly invented: number
  /** Numbers that `kappa verify` finds to differ, of so many. */
  readonly differences: number
  readonly numbers: number
}

/** Window ends that are recomputed. */
const ENDS = '2'

const STORED = `SELECT 0 AS place, event_id FROM events FINAL UNION ALL SELECT 1 AS place, event_id FROM quarantine`

/** A command that takes so long waits for something that will not come. */
const COMMAND_MS_MAX = 180_000

async function inTime(command: Promise<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the judge's command did not end within ${COMMAND_MS_MAX} ms`)), COMMAND_MS_MAX)
  })
  return Promise.race([command, tooLate]).finally(() => clearTimeout(timer))
}

/** Judges a site whose load was stopped. `sent` are the ids of everything that was ever sent. */
export async function judge(site: FaultSite, acknowledged: ReadonlySet<string>, sent: ReadonlySet<string>): Promise<Verdict> {
  const verified = JSON.parse(await inTime(site.run('verify', '--ends', ENDS, '--json'))) as { numbers: number; differences: number }
  const raw = new Set<string>()
  const quarantined = new Set<string>()
  let rows = 0
  for (const line of (await inTime(site.run('sql', '--json', STORED))).split('\n')) {
    if (line === '') continue
    const { place, event_id } = JSON.parse(line) as { place: number; event_id: string }
    if (place === 1) quarantined.add(event_id)
    else {
      rows += 1
      raw.add(event_id)
    }
  }
  const count = (ids: Iterable<string>, counts: (id: string) => boolean) => [...ids].filter(counts).length
  return {
    acknowledged: acknowledged.size,
    lost: count(acknowledged, (id) => !raw.has(id) && !quarantined.has(id)),
    doubled: rows - raw.size,
    inTwoPlaces: count(raw, (id) => quarantined.has(id)),
    invented: count([...raw, ...quarantined], (id) => !sent.has(id)),
    differences: verified.differences,
    numbers: verified.numbers,
  }
}

/** Whether all promises are whole. */
export function isWhole({ acknowledged, lost, doubled, inTwoPlaces, invented, differences, numbers }: Verdict): boolean {
  return acknowledged > 0 && numbers > 0 && lost + doubled + inTwoPlaces + invented + differences === 0
}
