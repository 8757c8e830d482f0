/** What the bench runs in processes of their own: generators of load, and baselines. Loaded when a process asks for one. */
import type { AppendJob, InsertJob, ParseJob } from './bench-baselines.ts'
import type { LiveClientsJob } from './bench-live-clients.ts'
import type { LoadJob } from './bench-load.ts'
import type { PaceJob } from './bench-pace.ts'
import type { RoundTripsJob } from './bench-round-trips.ts'
import type { WatchedJob } from './bench-watched.ts'

export const PARTS = {
  nothing: async (_job: object) => undefined,
  parse: async (job: ParseJob) => (await import('./bench-baselines.ts')).parseRate(job),
  append: async (job: AppendJob) => (await import('./bench-baselines.ts')).appendRate(job),
  insert: async (job: InsertJob) => (await import('./bench-baselines.ts')).insertRate(job),
  load: async (job: LoadJob) => (await import('./bench-load.ts')).runLoad(job),
  pace: async (job: PaceJob) => (await import('./bench-pace.ts')).runPace(job),
  watched: async (job: WatchedJob) => (await import('./bench-watched.ts')).runWatched(job),
  roundTrips: async (job: RoundTripsJob) => (await import('./bench-round-trips.ts')).runRoundTrips(job),
  liveClients: async (job: LiveClientsJob) => (await import('./bench-live-clients.ts')).runLiveClients(job),
}

export type PartName = keyof typeof PARTS
export type JobOf<Name extends PartName> = Parameters<(typeof PARTS)[Name]>[0]
export type ReportOf<Name extends PartName> = Awaited<ReturnType<(typeof PARTS)[Name]>>

/** What a process of a part is sent, and what it sends back. */
export interface PartRequest<Name extends PartName = PartName> {
  readonly part: Name
  readonly job: JobOf<Name>
}
export type PartAnswer = { readonly report: unknown } | { readonly failure: string }
