/** Raw rows of the records processed since the last commit, until it takes them. */
import type { AdmittedEvent, QuarantinedRow, SettledRow } from '../schemas/records.ts'

export interface TakenRows {
  readonly events: AdmittedEvent[]
  readonly quarantined: QuarantinedRow[]
  readonly settled: SettledRow[]
}

export class RawRows {
  #rows: TakenRows = { events: [], quarantined: [], settled: [] }

  get count(): number {
    const { events, quarantined, settled } = this.#rows
    return events.length + quarantined.length + settled.length
  }

  /** Adds an event. A property, since it is handed on and called for each event. */
  readonly event = (event: AdmittedEvent): void => void this.#rows.events.push(event)

  quarantined(row: QuarantinedRow): void {
    this.#rows.quarantined.push(row)
  }

  settled(row: SettledRow): void {
    this.#rows.settled.push(row)
  }

  /** All rows; none are left. */
  take(): TakenRows {
    const rows = this.#rows
    this.#rows = { events: [], quarantined: [], settled: [] }
    return rows
  }
}
