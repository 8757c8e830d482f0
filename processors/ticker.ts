/**
 * Ticks: records that carry `received_at` alone, so that time moves on when traffic stops, and a replay sees it move at
 * the same place. Only workspaces that had a live event are moved by them; history that is sent in is not overtaken. Where
 * time does not go on, an import that was broken off would wait for ever for its end: it gets one from here.
 */
import type { Clock } from '../schemas/ports/clock.ts'
import type { LogMessage, LogWriter } from '../schemas/ports/log.ts'
import { importEndText } from '../schemas/import-end.ts'
import { EVERY_WORKSPACE, LOG_RECORD_VERSION, type TickRecord } from '../schemas/log-records.ts'
import { PARTITION_IDLE_MS } from '../schemas/windows.ts'
import type { Topology } from './topology.ts'

/** A workspace is quiet when it received nothing for this long; a partition gets a tick as often. */
export const TICK_INTERVAL_MS = 5_000

const encoder = new TextEncoder()

export class Ticker {
  readonly #log: LogWriter
  readonly #clock: Clock
  readonly #local: readonly number[]
  /** Partitions that were told that a workspace is live, which may not be known to the topology yet. */
  readonly #told = new Set<string>()
  /** Imports that were given an end, and the newest row that they had then: it may not be known to the topology yet. */
  readonly #ended = new Map<string, number>()

  /** `local`: the partitions whose ticks this one writes. */
  constructor(log: LogWriter, clock: Clock, local: readonly number[]) {
    this.#log = log
    this.#clock = clock
    this.#local = local
  }

  /**
   * Appends what is due. Call it when everything in the log is processed: behind, the newest record that is processed
   * says nothing of the traffic. Rejects with LogUnavailableError; the next call makes up for it.
   */
  async tick(topology: Topology): Promise<void> {
    const nowMs = this.#clock.nowMs()
    const told: string[] = []
    const messages: LogMessage[] = []
    if (this.#isTickDue(topology, nowMs)) {
      const value = encode({ v: LOG_RECORD_VERSION, type: 'tick', workspace: EVERY_WORKSPACE, received_at: nowMs })
      for (const partition of this.#local) messages.push({ partition, value })
    }
    // A workspace that is live in one partition is so in all: those that had no event of it are told.
    for (const { workspace, windows } of topology.workspaces()) {
      if (!windows?.time.isLive) continue
      for (let partition = 0; partition < this.#log.partitions; partition += 1) {
        const name = `${workspace} ${partition}`
        if (windows.time.isLiveIn(partition) || this.#told.has(name)) continue
        messages.push({ partition, value: encode({ v: LOG_RECORD_VERSION, type: 'tick', workspace, received_at: nowMs }) })
        told.push(name)
      }
    }
    const ended = this.#brokenOff(topology, nowMs)
    for (const { workspace, importId } of ended) {
      const value = encoder.encode(importEndText(workspace, importId, nowMs))
      for (let partition = 0; partition < this.#log.partitions; partition += 1) messages.push({ partition, value })
    }
    if (messages.length > 0) await this.#log.append(messages)
    for (const name of told) this.#told.add(name)
    for (const { name, newestReceivedMs } of ended) this.#ended.set(name, newestReceivedMs)
  }

  /** Imports of which nothing came for a minute. Should one go on after all, its rows stand behind this end, and it has another. */
  #brokenOff(topology: Topology, nowMs: number) {
    const found: { name: string; workspace: string; importId: string; newestReceivedMs: number }[] = []
    for (const { workspace, windows } of topology.workspaces()) {
      for (const one of windows?.importsQuietSince(nowMs - PARTITION_IDLE_MS) ?? []) {
        const name = `${workspace} ${one.importId}`
        if ((this.#ended.get(name) ?? Number.NEGATIVE_INFINITY) < one.newestReceivedMs) found.push({ name, workspace, ...one })
      }
    }
    return found
  }

  /** Where there are several partitions each needs a clock of its own, whether it has events or not. */
  #isTickDue(topology: Topology, nowMs: number): boolean {
    if (this.#log.partitions > 1) {
      // All partitions at the same moments, so that between them nothing is under way.
      return Math.floor(nowMs / TICK_INTERVAL_MS) > Math.floor(topology.seenTickMs / TICK_INTERVAL_MS)
    }
    if (nowMs - topology.seenTickMs < TICK_INTERVAL_MS) return false
    for (const { windows } of topology.workspaces())
      if (windows?.time.isLive && nowMs - windows.time.newestReceivedMs >= TICK_INTERVAL_MS) return true
    return false
  }
}

function encode(tick: TickRecord): Uint8Array {
  return encoder.encode(JSON.stringify(tick))
}
