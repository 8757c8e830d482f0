/** Metrics of how far the numbers are behind the log. */
import { Gauge } from 'prom-client'
import type { Clock } from '../schemas/ports/clock.ts'
import type { SinkLag } from '../warehouse/api/health-routes.ts'
import type { Engine } from './engine.ts'

/** Registers the gauges on the engine's registry; each look asks the engine anew. */
export function registerLagMetrics(engine: Engine): void {
  new Gauge({
    name: 'kappa_sink_lag_records',
    help: 'Records in the log that queries do not answer with yet.',
    registers: [engine.metrics],
    collect: async function collect() {
      this.set((await engine.status()).lagRecords)
    },
  })
  new Gauge({
    name: 'kappa_watermark_seconds',
    help: 'Watermark of each workspace, in seconds since 1970.',
    labelNames: ['workspace'] as const,
    registers: [engine.metrics],
    collect: async function collect() {
      for (const { name, watermarkMs } of (await engine.status()).workspaces)
        if (watermarkMs !== null) this.set({ workspace: name }, watermarkMs / 1000)
    },
  })
  new Gauge({
    name: 'kappa_late_events_total',
    help: 'Events that came beyond the allowed lateness and count nowhere.',
    labelNames: ['workspace'] as const,
    registers: [engine.metrics],
    collect: async function collect() {
      for (const { name, lateEvents } of (await engine.status()).workspaces) this.set({ workspace: name }, lateEvents)
    },
  })
}

/** Offset of the next record of every partition. Rejects with LogUnavailableError. */
export async function endOffsets(log: Pick<Engine['log'], 'partitions' | 'endOffset'>): Promise<number[]> {
  return Promise.all(Array.from({ length: log.partitions }, (_, partition) => log.endOffset(partition)))
}

/** Records that stand in the log and are not readable, by the offsets of all partitions. */
export function lagOf(ends: readonly number[], committed: readonly number[]): number {
  return ends.reduce((sum, end, partition) => sum + Math.max(0, end - (committed[partition] ?? 0)), 0)
}

/** Looks that are kept: the oldest says how long it has been, the others are for when that one is caught up with. */
const LOOKS_MAX = 1_000

/**
 * Tells with each look how many records are not readable, and for how long the oldest of them has been seen in the log, in ms:
 * while events come in there is always one, so what counts is when what is missing now was there for the first time.
 */
export function watchLag(clock: Clock): (ends: readonly number[], committed: readonly number[]) => SinkLag {
  let looks: { readonly ends: readonly number[]; readonly atMs: number }[] = []
  return (ends, committed) => {
    const nowMs = clock.nowMs()
    looks = looks.filter((look) => lagOf(look.ends, committed) > 0)
    const events = lagOf(ends, committed)
    if (events > 0 && looks.length < LOOKS_MAX) looks.push({ ends, atMs: nowMs })
    return { events, ms: events === 0 ? 0 : Math.max(0, nowMs - (looks[0]?.atMs ?? nowMs)) }
  }
}
