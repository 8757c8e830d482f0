/** What a scenario says: a history of events and the numbers that follow from it. */
import type { NullReason } from '../../schemas/growth-api.ts'
import type { LogRecord } from '../../schemas/log-records.ts'
import type { Dimension, GrowthCounts, KStatistics } from '../../schemas/records.ts'
import { LIVE_WINDOWS, type LiveWindowName } from '../../schemas/windows.ts'
import { recordsOf, type ScenarioEvent } from './scenario-events.ts'

export interface ScenarioCheck {
  readonly window: LiveWindowName
  /** End of the window, RFC 3339; always the end of a pane, so that the stream publishes it. */
  readonly at: string
  /** The whole workspace without it; value '' is `(none)`. */
  readonly slice?: { readonly dimension: Dimension; readonly value: string }
  /** Numbers that are not named are not checked. */
  readonly counts?: Partial<GrowthCounts>
  readonly k?: Partial<KStatistics>
  /** The posterior mean, compared to 12 digits, or why there is none. */
  readonly kFactor?: number | NullReason
}

export interface Scenario {
  readonly name: string
  /** In log order, partition 0, offsets from 0; the last one is a tick that settles every check. */
  readonly records: readonly LogRecord[]
  readonly checks: readonly ScenarioCheck[]
}

export function scenario(name: string, events: readonly ScenarioEvent[], checks: readonly ScenarioCheck[]): Scenario {
  for (const check of checks) {
    const paneMs = LIVE_WINDOWS.find((window) => window.name === check.window)?.paneMs ?? 1
    if (Date.parse(check.at) % paneMs !== 0) throw new Error(`${name}: ${check.at} is not the end of a pane of ${check.window}`)
  }
  const settledMs = Math.max(...checks.map((check) => Date.parse(check.at)))
  return { name, records: recordsOf(events, settledMs), checks }
}
