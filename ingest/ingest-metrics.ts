/** Prometheus metrics of ingest. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { IngestResponse } from '../schemas/ingest-api.ts'
import type { CommitObserver } from './group-committer.ts'

export interface IngestMetrics extends CommitObserver {
  /** Counts the outcomes of a request or of a part of an import. */
  answered(response: IngestResponse): void
}

/** Registers the metrics of ingest with `registry`. */
export function createIngestMetrics(registry: Registry): IngestMetrics {
  const events = new Counter({
    name: 'kappa_ingest_events_total',
    help: 'Events received, by outcome (accepted, duplicate, quarantined) and, when quarantined, by code.',
    labelNames: ['outcome', 'code'] as const,
    registers: [registry],
  })
  const commitSeconds = new Histogram({
    name: 'kappa_ingest_commit_seconds',
    help: 'Time of a group commit of the log, sync included.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  })
  let waitingBytes = 0
  new Gauge({
    name: 'kappa_ingest_waiting_bytes',
    help: 'Bytes of requests that are read or wait for their commit.',
    registers: [registry],
    collect() {
      this.set(waitingBytes)
    },
  })
  // Found once: each request counts.
  const acceptedEvents = events.labels('accepted', '')
  const repeatedEvents = events.labels('duplicate', '')
  return {
    answered({ accepted, duplicates, quarantined }) {
      if (accepted > 0) acceptedEvents.inc(accepted)
      if (duplicates > 0) repeatedEvents.inc(duplicates)
      for (const { code } of quarantined) events.inc({ outcome: 'quarantined', code })
    },
    committed: (seconds) => commitSeconds.observe(seconds),
    waiting: (bytes) => {
      waitingBytes = bytes
    },
  }
}
