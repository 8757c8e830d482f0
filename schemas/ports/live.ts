/** Fan-out of changes to whoever watches a workspace live (SSE). Drivers: in process; Redis (scaled form). */
import type { GrowthRow } from '../records.ts'

export type LiveEvent = {
  readonly kind: 'growth'
  readonly workspace: string
  readonly watermarkMs: number
  /** Running windows, each complete: the row of the whole workspace, and all its slices. A window that is not here has not changed. */
  readonly rows: readonly GrowthRow[]
}

export interface LiveBus {
  publish(event: LiveEvent): void
  /** Returns the unsubscriber. */
  subscribe(workspace: string, listener: (event: LiveEvent) => void): () => void
}
