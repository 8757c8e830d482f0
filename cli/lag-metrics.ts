/** Metrics of how far the numbers are behind the log. */
import { Gauge } from 'prom-client'
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
