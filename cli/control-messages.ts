/** What goes over the control socket: the lines (NDJSON) that a long command answers with, and the form of a failure. */
import type { ImportProgress } from '../ingest/import-session.ts'
import type { SettleResponse } from '../schemas/quarantine-api.ts'
import type { ReplayDifference } from '../warehouse/queries/replay-differences.ts'
import type { EngineStatus } from './engine.ts'
import type { VerifiedWindow } from '../verify/report.ts'

export interface ControlFailure {
  readonly code: string
  readonly message: string
}

export interface ControlStatus extends EngineStatus {
  readonly pid: number
  readonly startedAtMs: number
  /** Most memory that the process has held so far, in bytes. */
  readonly memoryPeakBytes: number
}

export type ImportLine =
  | { readonly kind: 'progress'; readonly progress: ImportProgress }
  /** `stopped`: the rows ended before the sender said so; what was accepted stays. */
  | { readonly kind: 'end'; readonly progress: ImportProgress; readonly seconds: number; readonly stopped: boolean }
  | { readonly kind: 'failure'; readonly failure: ControlFailure }

export interface VerifyRequest {
  /** All without one. */
  readonly workspace?: string | undefined
  /** A live window, or with `atMs` any length such as 90m. All live ones without it. */
  readonly window?: string | undefined
  readonly atMs?: number | undefined
  /** Published ends of each window to sample; 12 without it. */
  readonly ends?: number | undefined
  /** Every published end instead of a sample. */
  readonly all?: boolean | undefined
}

export type VerifyLine =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly doing: string }
  | { readonly kind: 'window'; readonly window: VerifiedWindow }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'end' }
  | { readonly kind: 'failure'; readonly failure: ControlFailure }

export interface ReplayRequest {
  /** All without one. */
  readonly workspace?: string | undefined
  /** Only window ends from this instant on are replaced. */
  readonly fromMs?: number | undefined
}

/** A workspace whose numbers were rebuilt and took the place of those that stood. */
export interface ReplayedWorkspace {
  readonly workspace: string
  readonly replayId: string
  readonly seconds: number
  /** How many numbers were others, and the first of them. */
  readonly differences: number
  readonly first: readonly ReplayDifference[]
}

export type ReplayLine =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number; readonly doing: string }
  | { readonly kind: 'workspace'; readonly workspace: ReplayedWorkspace }
  | { readonly kind: 'end' }
  | { readonly kind: 'failure'; readonly failure: ControlFailure }

export interface QuarantineListRequest {
  readonly workspace: string
  readonly code?: string | undefined
  readonly state: 'open' | 'retried' | 'discarded' | 'all'
  readonly fromMs?: number | undefined
  readonly toMs?: number | undefined
  readonly limit: number
}

export interface QuarantineList {
  readonly counts: readonly { readonly code: string; readonly events: number }[]
  readonly rows: readonly {
    readonly id: string
    readonly received_at: string
    readonly code: string
    readonly path: string
    readonly message: string
    readonly event_id: string
    readonly state: string
    readonly body: string
  }[]
}

export interface QuarantineSettleRequest {
  readonly workspace: string
  readonly action: 'retry' | 'discard'
  /** Without ids all open events, of the code when one is given. */
  readonly ids?: readonly string[] | undefined
  readonly code?: string | undefined
}

export type QuarantineLine =
  | { readonly kind: 'settled'; readonly events: readonly SettleResponse[] }
  | { readonly kind: 'end' }
  | { readonly kind: 'failure'; readonly failure: ControlFailure }

export interface DoctorCheck {
  readonly name: string
  readonly state: 'ok' | 'warn' | 'fail'
  readonly message: string
}
export type DoctorLine =
  | { readonly kind: 'check'; readonly check: DoctorCheck }
  | { readonly kind: 'end' }
  | { readonly kind: 'failure'; readonly failure: ControlFailure }
