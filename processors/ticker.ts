/**
 * Ticks: when a workspace's traffic stops, records that carry `received_at` alone go into the log, so that time moves
 * on and a replay sees it move at the same place. Only workspaces that had a live event get them; history that is sent
 * in is not overtaken.
 */
import type { Clock } from '../schemas/ports/clock.ts'
import type { LogWriter } from '../schemas/ports/log.ts'
import { LOG_RECORD_VERSION, type TickRecord } from '../schemas/log-records.ts'
import type { Topology } from './topology.ts'

/** A workspace is quiet when it received nothing for this long, and gets a tick as often. */
export const TICK_INTERVAL_MS = 5_000

const encoder = new TextEncoder()

/** Appends a tick to every partition for each quiet workspace; returns how many workspaces got one. */
export async function tickQuietWorkspaces(topology: Topology, log: LogWriter, clock: Clock): Promise<number> {
  const nowMs = clock.nowMs()
  const ticks: TickRecord[] = []
  for (const { workspace, time } of topology.workspaces()) {
    if (!time.hasLiveEvent || nowMs - time.newestReceivedMs < TICK_INTERVAL_MS) continue
    ticks.push({ v: LOG_RECORD_VERSION, type: 'tick', workspace, received_at: nowMs })
  }
  if (ticks.length === 0) return 0
  const partitions = Array.from({ length: log.partitions }, (_, partition) => partition)
  await log.append(
    ticks.flatMap((tick) => {
      const value = encoder.encode(JSON.stringify(tick))
      return partitions.map((partition) => ({ partition, value }))
    }),
  )
  return ticks.length
}
