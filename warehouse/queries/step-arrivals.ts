/** Arrivals on a grid of steps, as of an instant: those whose signup is credited to somebody, and the rest. */
import type { StepArrivals } from '../../metrics/reproduction-number.ts'
import type { WarehouseReader } from '../../schemas/ports/warehouse.ts'
import { peopleAsOf } from './people-as-of.ts'
import { workspaceQuery } from './workspace-query.ts'

/** Steps are counted back from the end: that of number 0 is `(endMs - stepMs, endMs]`, the one before -1. */
const byStep = workspaceQuery`
SELECT
  -intDiv({endMs:Int64} - arrived_ms, {stepMs:Int64}) AS steps_from_end,
  countIf(referrer_key != 0 AND signup_ms <= {endMs:Int64}) AS local,
  count() - local AS imported
FROM ${peopleAsOf}
WHERE arrived_ms <= {endMs:Int64}
GROUP BY steps_from_end
ORDER BY steps_from_end`

/**
 * Arrivals of all history by step, the last step ending at `endMs`; empty before the first arrival.
 * Rejects with `WarehouseUnavailableError`.
 */
export async function readStepArrivals(
  reader: WarehouseReader,
  workspace: string,
  { endMs, stepMs }: { readonly endMs: number; readonly stepMs: number },
): Promise<StepArrivals> {
  const rows = await reader.select<{ steps_from_end: number; local: number; imported: number }>({
    workspace,
    sql: byStep,
    params: { endMs, stepMs },
  })
  const first = rows[0]?.steps_from_end
  if (first === undefined) return { local: [], imported: [] }
  const local = new Array<number>(1 - first).fill(0)
  const imported = new Array<number>(1 - first).fill(0)
  for (const row of rows) {
    local[row.steps_from_end - first] = row.local
    imported[row.steps_from_end - first] = row.imported
  }
  return { local, imported }
}
