/** Processing of the embedded form runs in a thread of its own: what becomes of it when that thread breaks off. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import type { Engine } from '../../cli/engine.ts'
import { config } from '../../schemas/config.ts'
import { simulate } from '../../simulate/simulate-growth.ts'

const WIRING = new URL('../../dist/cli/wiring.js', import.meta.url).href

it('another thread takes over in the middle of an import, which ends with every event once', { timeout: 240_000 }, async () => {
  const data = await mkdtemp(join(tmpdir(), 'kappa-thread-'))
  onTestFinished(() => rm(data, { recursive: true, force: true }))
  let thread: Worker | undefined
  const remember = (worker: Worker) => {
    thread = worker
  }
  process.on('worker', remember)
  onTestFinished(() => void process.off('worker', remember))
  const { openEngine } = (await import(WIRING)) as { openEngine: (settings: unknown, options: object) => Promise<Engine> }
  const engine = await openEngine(config.parse({ data }), { processes: true })

  const { events } = simulate({ users: 400, days: 10, k: 0.7, seed: 5 })
  const lines = events.map((event) => `${JSON.stringify(event)}\n`)
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const half = lines.length >> 1
    yield Buffer.from(lines.slice(0, half).join(''))
    const first = thread
    await first?.terminate()
    yield Buffer.from(lines.slice(half).join(''))
  }
  const firstThread = thread
  let accepted = 0
  for await (const progress of engine.importRows({ workspace: 'broken', importId: 'one', chunks: chunks() })) accepted = progress.accepted

  expect(firstThread).toBeDefined()
  expect(thread).not.toBe(firstThread)
  expect(accepted).toBe(lines.length)
  expect(await engine.status()).toMatchObject({ ready: true, lagRecords: 0 })
  const counted = 'SELECT count() AS n, uniqExact(event_id) AS ids FROM events FINAL'
  expect(JSON.parse(await engine.operatorSql(counted, 'JSONEachRow'))).toEqual({ n: lines.length, ids: lines.length })
  await engine.close()
})
