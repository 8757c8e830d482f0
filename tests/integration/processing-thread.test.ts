/** Processing of the embedded form runs in a thread of its own: what becomes of it when that thread breaks off. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import type { Engine } from '../../cli/engine.ts'
import type { openProcessing } from '../../cli/processing.ts'
import { openLmdbLog } from '../../ingest/log/lmdb.ts'
import { config } from '../../schemas/config.ts'
import { simulate } from '../../simulate/simulate-growth.ts'

const PROCESSING = new URL('../../dist/cli/processing.js', import.meta.url).href
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

it('a thread that a bug stopped is followed by another, and who waits goes on waiting', { timeout: 60_000 }, async () => {
  const data = await mkdtemp(join(tmpdir(), 'kappa-thread-'))
  onTestFinished(() => rm(data, { recursive: true, force: true }))
  const log = await openLmdbLog({ path: join(data, 'log'), partitions: 1 })
  let bugs = 2
  const tables = new Set<string>()
  const errors: string[] = []
  const { openProcessing: open } = (await import(PROCESSING)) as { openProcessing: typeof openProcessing }
  const processing = await open({
    data,
    log,
    live: { publish: () => {} },
    warehouse: {
      async insertBlock({ table }) {
        if (bugs-- > 0) throw Object.assign(new Error('a bug'), { type: 'UNKNOWN_IDENTIFIER' })
        tables.add(table)
      },
      command: async () => {},
      readText: async () => ({ body: '', headers: {} }),
    },
    onError: (message, error) => errors.push(`${message}: ${(error as Error).message}`),
  })
  const atMs = Date.now()
  const common = { v: 1, workspace: 'shop', occurred_at: atMs, received_at: atMs, event_id: 'e1', actor_id: 'a', content_id: 'x' }
  await log.append([{ partition: 0, value: Buffer.from(JSON.stringify({ ...common, type: 'share' })) }])
  const wait = processing.waitFor([1])
  await expect.poll(async () => (await processing.status()).restarting, { timeout: 20_000 }).toBe(true)
  await wait
  expect([...tables]).toContain('events')
  await expect.poll(async () => await processing.status()).toMatchObject({ ready: true, failed: false, restarting: false })
  expect(errors.filter((error) => error.startsWith('processing broke off'))).toEqual(['processing broke off, it is started again: a bug'])
  await processing.close()
  await log.close()
})
