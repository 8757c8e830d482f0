/**
 * The built product with a ClickHouse server in place of the embedded engine, while that server loses answers, refuses and
 * hangs: the same rows, bit for bit, and none twice.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { openHttpWarehouse } from '../../warehouse/drivers/http.ts'
import { type ClickHouseFront, startClickHouseFront } from '../support/clickhouse-front.ts'
import { runKappa, startKappa } from '../support/kappa-command.ts'
import { differingDays, publishedDigest, selectLines } from './published-digest.ts'

let folder: string
let front: ClickHouseFront
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kappa-clickhouse-'))
  front = await startClickHouseFront()
  await kappa('simulate', '--users', '600', '--days', '25', '--k', '0.7', '--seed', '7', '--out', join(folder, 'world.ndjson'))
})
afterEach(() => vi.unstubAllEnvs())
afterAll(async () => {
  await front.close()
  await rm(folder, { recursive: true, force: true })
})

async function kappa(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await runKappa(args)
  if (status !== 0) throw new Error(`kappa ${args[0]} ended with ${status}: ${stderr}`)
  return stdout
}

/** A database of its own, which the commands of this test use from now on. */
async function onServer(database: string): Promise<void> {
  const warehouse = await openHttpWarehouse({ url: front.url() })
  await warehouse.command(`CREATE DATABASE ${database}`)
  await warehouse.close()
  vi.stubEnv('KAPPA_WAREHOUSE', front.url(database))
}

/** Stored rows, those included that FINAL would hide, and everything published. */
async function contentsOf(data: string) {
  const stored = await selectLines(
    data,
    "SELECT count() AS events, uniqExact(event_id) AS ids, uniqExact(_partition, _offset) AS places, countIf(late = 1) AS late FROM events WHERE workspace = 'default'",
  )
  const people = await selectLines(
    data,
    "SELECT count() AS people, hex(groupBitXor(cityHash64(actor, actor_id, toString(signup_at), referrer_id, via))) AS content FROM people FINAL WHERE workspace = 'default'",
  )
  return { stored, people, digest: await publishedDigest(data) }
}

test('an import into a failing server gives what the embedded engine gives', async () => {
  const world = join(folder, 'world.ndjson')
  const embedded = join(folder, 'embedded')
  await kappa('import', '--data', embedded, world)
  const expected = await contentsOf(embedded)
  expect(expected.digest.rows).toBeGreaterThan(1_000)

  await onServer('failing')
  const scaled = join(folder, 'scaled')
  for (const table of ['events', 'people', 'growth_windows', 'restatements']) {
    await front.fail({ kind: 'lost-answer' }, { matching: `INSERT INTO ${table} ` })
  }
  await front.fail({ kind: 'refused', form: '503' }, { matching: 'INSERT INTO events ' })
  await front.fail({ kind: 'refused', form: 'reset' }, { matching: 'INSERT INTO people ' })
  await kappa('import', '--data', scaled, world)
  const blocks = (await front.requests()).flatMap(({ query }) => /insert_deduplication_token = '([^']*)'/.exec(query)?.[1] ?? [])
  expect(blocks.length, 'blocks that were sent again').toBeGreaterThan(new Set(blocks).size)
  const found = await contentsOf(scaled)
  expect(differingDays(expected.digest, found.digest).slice(0, 4)).toEqual([])
  expect({ stored: found.stored, people: found.people }).toEqual({ stored: expected.stored, people: expected.people })
  expect(await kappa('verify', '--data', scaled)).toMatch(/no difference/)
}, 240_000)

test('a server that hangs in the middle of an import is waited for', async () => {
  await onServer('hanging')
  const data = join(folder, 'hanging')
  const { ended } = startKappa(['import', '--json', '--data', data, join(folder, 'world.ndjson')])
  await vi.waitFor(
    async () => expect((await front.requests()).some(({ query }) => query.startsWith('INSERT INTO events'))).toBe(true),
    60_000,
  )
  front.freeze()
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  front.thaw()
  expect((await ended).status).toBe(0)
  expect(await kappa('verify', '--data', data)).toMatch(/no difference/)
})
