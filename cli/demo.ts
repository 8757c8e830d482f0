/** `kappa up --demo`: simulated traffic through the same doors as real one, so that every page has something to show. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULT_WORKSPACE } from '../schemas/config.ts'
import type { IncomingEvent } from '../schemas/events.ts'
import { liveTraffic } from '../simulate/live-traffic.ts'
import type { Engine } from './engine.ts'

const SEED = 20_261
const DEMO_SENDER = { workspace: DEFAULT_WORKSPACE, kind: 'server', keyId: 'demo' } as const

/** Imports two weeks of history into an empty workspace, then sends live events until the signal. */
export async function playDemo(engine: Engine, signal: AbortSignal): Promise<void> {
  const hasHistory = (await engine.status()).workspaces.some(({ name }) => name === DEFAULT_WORKSPACE)
  const seed = SEED + (engine.clock.nowMs() % 1_000_000) // ids of an earlier run are not repeated
  const nap = (ms: number) => sleep(ms, undefined, { signal }).catch(() => {})
  for await (const step of liveTraffic({ clock: engine.clock, sleep: nap, seed, signal })) {
    if (step.kind === 'live') await send(engine, step.events)
    else if (!hasHistory) await importHistory(engine, step.events)
  }
}

async function send(engine: Engine, events: readonly IncomingEvent[]): Promise<void> {
  await engine.pipeline({
    principal: DEMO_SENDER,
    body: Buffer.from(JSON.stringify(events)),
    contentEncoding: undefined,
    ndjson: false,
    connectionIp: undefined,
  })
}

async function importHistory(engine: Engine, events: readonly IncomingEvent[]): Promise<void> {
  async function* chunks() {
    for (let start = 0; start < events.length; start += 1_000) {
      yield Buffer.from(
        events
          .slice(start, start + 1_000)
          .map((event) => `${JSON.stringify(event)}\n`)
          .join(''),
      )
    }
  }
  for await (const _ of engine.importRows({ workspace: DEFAULT_WORKSPACE, importId: 'demo-history', chunks: chunks() })) {
    // progress shows on the page
  }
}
