/** The built product: quarantined events settled over HTTP and by command, and numbers that were spoilt rebuilt under readers. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DAY_MS } from '../../schemas/windows.ts'
import { simulate } from '../../simulate/simulate-growth.ts'
import { openChdbWarehouse } from '../../warehouse/drivers/chdb.ts'
import { runKappa } from '../support/kappa-command.ts'
import { type RunningProduct, startProduct } from '../support/running-product.ts'

const KEYS = {
  KAPPA_SERVER_KEY: 'a-server-key-of-the-quarantine-test',
  KAPPA_READ_KEY: 'a-read-key-of-the-quarantine-test',
  KAPPA_ADMIN_KEY: 'an-admin-key-of-the-quarantine-test',
}

let data: string
let env: Record<string, string>
let up: RunningProduct
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'kappa-settle-'))
  env = { ...KEYS, KAPPA_DATA: data }
  up = await startProduct({ data, env })
})
afterAll(async () => {
  await up.stop()
  await rm(data, { recursive: true, force: true })
})

async function call(method: string, path: string, key: keyof typeof KEYS, body?: object) {
  const response = await fetch(`${up.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${KEYS[key]}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: JSON.parse(await response.text()) }
}

const listed = async (parameters = '') => (await call('GET', `/v1/quarantine?${parameters}`, 'KAPPA_READ_KEY')).body

async function command(args: readonly string[]) {
  const { status, stdout, stderr } = await runKappa([...args, '--json'], { env })
  return { status, stderr, ...(stdout === '' ? {} : JSON.parse(stdout)) }
}

async function stored(eventId: string): Promise<number> {
  const { stdout } = await runKappa(['sql', '--json', `SELECT count() AS n FROM events FINAL WHERE event_id = '${eventId}'`], { env })
  return JSON.parse(stdout).n
}

describe('the quarantine', () => {
  const share = { type: 'share', actor_id: 'ada', content_id: 'c' }

  it('holds what is wrong, until it is right or given up', { timeout: 180_000 }, async () => {
    const rightAtMs = Date.now() + 10_000
    const sent = [
      { ...share, event_id: 'early', occurred_at: rightAtMs + DAY_MS },
      { ...share, event_id: 'wrong', colour: 'red' },
      { ...share, event_id: 'right' },
    ]
    const { status, body } = await call('POST', '/v1/events', 'KAPPA_SERVER_KEY', sent)
    expect({ status, accepted: body.accepted }).toEqual({ status: 202, accepted: 1 })
    await expect.poll(async () => (await listed()).rows.length, { timeout: 30_000 }).toBe(2)
    const { rows, counts } = await listed()
    expect(counts).toEqual([
      { code: 'field_unknown', events: 1 },
      { code: 'time_in_future', events: 1 },
    ])
    const idOf = (eventId: string) => rows.find((row: { event_id: string }) => row.event_id === eventId).id as string

    const wrong = await call('POST', `/v1/quarantine/${idOf('wrong')}/retry`, 'KAPPA_ADMIN_KEY')
    expect(wrong).toMatchObject({ status: 200, body: { outcome: 'rejected', code: 'field_unknown', path: 'colour' } })
    await sleep(Math.max(0, rightAtMs - Date.now()))
    expect(await call('POST', `/v1/quarantine/${idOf('early')}/retry`, 'KAPPA_READ_KEY')).toMatchObject({ status: 403 })
    expect(await command(['quarantine', 'retry', idOf('early')])).toMatchObject({ status: 0, events: [{ outcome: 'accepted' }] })
    expect(await stored('early')).toBe(1)
    expect(await call('POST', `/v1/quarantine/${idOf('early')}/discard`, 'KAPPA_ADMIN_KEY')).toMatchObject({
      status: 409,
      body: { code: 'already_settled' },
    })
    expect(await call('POST', '/v1/quarantine/nowhere/retry', 'KAPPA_ADMIN_KEY')).toMatchObject({ status: 404 })
    expect((await command(['quarantine', 'retry', '--all'])).stderr).toContain('1 of 1 events stay in the quarantine [quarantine_stays]')
    expect(await command(['quarantine', 'discard', '--code', 'field_unknown'])).toMatchObject({
      status: 0,
      events: [{ outcome: 'discarded' }],
    })
    expect((await listed()).rows).toEqual([])
    expect(await stored('wrong')).toBe(0)
  })

  it('is the same after a restart, and every number is what the log says', { timeout: 180_000 }, async () => {
    await up.kill()
    up = await startProduct({ data, env })
    const states = (await listed('state=all')).rows.map(({ event_id, state }: Record<string, string>) => `${event_id} ${state}`).sort()
    expect(states).toEqual(['early retried', 'wrong discarded'])
    expect(await command(['verify'])).toMatchObject({ status: 0, differences: 0 })
  })
})

describe('a replay', () => {
  const WRONG_BY = 1_000
  const activeUsers = async () => {
    const { body } = await call('GET', '/v1/growth/series?metric=active_users&window=24h&step=1h&workspace=shop', 'KAPPA_ADMIN_KEY')
    return body.points.reduce((sum: number, { value }: { value: number }) => sum + value, 0) as number
  }

  it('puts spoilt numbers right all at once, and says which were wrong', { timeout: 300_000 }, async () => {
    const { events } = simulate({ users: 60, days: 6, k: 0.7, seed: 4 })
    const lines = events.map((event) => Buffer.from(`${JSON.stringify(event)}\n`))
    const imported = await runKappa(['import', '--json', '--workspace', 'shop', '-'], { env, stdin: [Buffer.concat(lines)] })
    expect(imported.status, imported.stderr).toBe(0)
    const right = await activeUsers()
    expect(right).toBeGreaterThan(0)

    await up.stop()
    const warehouse = await openChdbWarehouse({ path: join(data, 'warehouse') })
    const spoilt = "workspace = 'shop' AND window = '24h' AND dimension = '' AND final = 1"
    await warehouse.command(
      `INSERT INTO growth_windows SELECT * REPLACE (active_users + ${WRONG_BY} AS active_users) FROM growth_windows FINAL WHERE ${spoilt}`,
    )
    await warehouse.command(
      "INSERT INTO people SELECT * REPLACE ('nobody' AS referrer_id) FROM people FINAL WHERE workspace = 'shop' ORDER BY actor LIMIT 1",
    )
    await warehouse.close()
    up = await startProduct({ data, env })
    const wrong = await activeUsers()
    expect(wrong).toBeGreaterThan(right + WRONG_BY)

    const seen = new Set<number>()
    let isOver = false
    const reading = (async () => {
      while (!isOver) seen.add(await activeUsers())
    })()
    const { status, workspaces } = await command(['replay', '--workspace', 'shop'])
    isOver = true
    await reading
    expect(status).toBe(0)
    expect(await activeUsers()).toBe(right)
    expect([...seen].filter((sum) => sum !== wrong && sum !== right)).toEqual([])
    expect(seen).toContain(wrong)

    const [{ replay_id: replayId, differences, first }] = workspaces
    expect(differences).toBeGreaterThan(0)
    const told = first.filter(({ source, metric }: Record<string, string>) => source === 'growth_windows' && metric === 'active_users')
    expect(told.length).toBeGreaterThan(0)
    for (const { window, live, rebuilt } of told) expect([window, Number(live) - Number(rebuilt)]).toEqual(['24h', WRONG_BY])
    expect(first.filter(({ source }: Record<string, string>) => source === 'people')).toMatchObject([
      { metric: 'referrer_id', live: 'nobody' },
    ])
    const restated = (await call('GET', '/v1/growth/restatements?metric=active_users&workspace=shop', 'KAPPA_ADMIN_KEY')).body.rows
    expect(restated[0]).toMatchObject({ window: '24h', cause: `replay:${replayId}` })
    expect(restated[0].before - restated[0].after).toBe(WRONG_BY)

    expect(await command(['replay', '--workspace', 'shop'])).toMatchObject({ status: 0, workspaces: [{ differences: 0 }] })
    expect(await command(['verify', '--workspace', 'shop'])).toMatchObject({ status: 0, differences: 0 })
  })
})
