/** The quarantine of an open engine: looked up in the warehouse, settled through the log, one call after the other. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { SettleOutcome } from '../ingest/quarantine-retry.ts'
import type { SettleResponse } from '../schemas/quarantine-api.ts'
import type { SettleAction } from '../warehouse/api/quarantine-routes.ts'
import { type QuarantineFilter, readQuarantine, readStoredIds, type StoredQuarantined } from '../warehouse/queries/quarantine-pages.ts'
import type { Engine } from './engine.ts'

/** Events of one append. */
const BATCH = 1_000
/** Who settles finds it settled after; should processing be behind for longer than this, it is told before. */
const READABLE_MS_MAX = 10_000

/** Settles of one process, in turn: of two that are asked for the same event the second finds it settled. */
export class QuarantineDesk {
  readonly #engine: Engine
  #turn: Promise<unknown> = Promise.resolve()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Settles one event; says why not when there is none, or it was settled before. */
  settleOne(workspace: string, id: string, action: SettleAction): Promise<SettleResponse | 'unknown' | 'settled'> {
    return this.#inTurn(async () => {
      const [event] = await readQuarantine(this.#engine.reader, workspace, { ids: [id], limit: 1 })
      if (event === undefined) return 'unknown'
      if (event.state !== 'open') return 'settled'
      const [outcome] = await this.#settle(workspace, [event], action)
      return responseOf(outcome as SettleOutcome)
    })
  }

  /** Settles all open events of a filter; yields what became of each part of them. */
  async *settleAll(workspace: string, filter: QuarantineFilter, action: SettleAction): AsyncGenerator<SettleResponse[]> {
    // What stays is not met again: the next part begins behind it.
    let behind: { receivedMs: number; partition: number; offset: number } | undefined
    for (;;) {
      const outcomes = await this.#inTurn(async () => {
        const events = await readQuarantine(this.#engine.reader, workspace, { ...filter, state: 'open', behind, limit: BATCH })
        const last = events.at(-1)
        if (last === undefined) return []
        behind = { receivedMs: last.received_ms, partition: last.partition, offset: last.offset }
        return this.#settle(workspace, events, action)
      })
      if (outcomes.length === 0) return
      yield outcomes.map(responseOf)
    }
  }

  async #settle(workspace: string, events: readonly StoredQuarantined[], action: SettleAction): Promise<SettleOutcome[]> {
    const { reader } = this.#engine
    const ids = events.map(({ event_id }) => event_id)
    const outcomes = await this.#engine.settleEvents(action, {
      workspace,
      events: events.map(({ id, code, body, event_id, received_ms }) => ({ id, code, body, eventId: event_id, receivedAtMs: received_ms })),
      storedIds: action === 'retry' ? await readStoredIds(reader, workspace, ids) : new Set(),
    })
    await Promise.race([this.#engine.waitUntilReadable(), sleep(READABLE_MS_MAX, undefined, { ref: false })])
    return outcomes
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

function responseOf(outcome: SettleOutcome): SettleResponse {
  return { ...outcome }
}
