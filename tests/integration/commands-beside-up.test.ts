/** The built commands on one data folder: alone, beside a running `kappa up`, interrupted, and after a number was spoilt. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { simulate } from '../../simulate/simulate-growth.ts'
import { openChdbWarehouse } from '../../warehouse/drivers/chdb.ts'
import { startProduct } from '../support/running-product.ts'
import { feed, runKappa, startKappa } from '../support/kappa-command.ts'

const SCRIPT = resolve(import.meta.dirname, '../../../shared/data/to-events.mjs')
const NOT_THERE = `skipped: the reference data is not at ${SCRIPT}`

let folder: string
let env: { KAPPA_DATA: string }
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kappa-beside-up-'))
  env = { KAPPA_DATA: join(folder, 'data') }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function linesOf(seed: number): Buffer[] {
  return simulate({ users: 60, days: 6, k: 0.7, seed }).events.map((event) => Buffer.from(`${JSON.stringify(event)}\n`))
}

async function importLines(lines: readonly Uint8Array[], flags: readonly string[] = []) {
  const { status, stdout, stderr } = await runKappa(['import', '--json', ...flags, '-'], { env, stdin: [Buffer.concat(lines)] })
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout)
}

async function verified() {
  const { status, stdout, stderr } = await runKappa(['verify', '--json'], { env })
  return { status, stderr, ...JSON.parse(stdout) }
}

/** Resolves when a command has the folder open and had the time to read what it was fed. */
async function underWay(folder: string): Promise<void> {
  while (!existsSync(folder) || !readdirSync(folder).some((name) => name.includes('sock'))) await sleep(100)
  await sleep(3_000)
}

describe('commands on one data folder', () => {
  it('import a real history, verify it, and count nothing twice', { timeout: 300_000 }, async ({ skip }) => {
    if (!existsSync(SCRIPT)) skip(NOT_THERE)
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, 'collegemsg'], { maxBuffer: 2 ** 28 })
    const events = stdout.trimEnd().split('\n').length
    const file = join(folder, 'college.ndjson')
    writeFileSync(file, stdout)
    const first = await runKappa(['import', '--json', file], { env })
    expect(JSON.parse(first.stdout)).toMatchObject({ read: events, accepted: events, duplicates: 0, quarantined: 0 })
    expect(await verified()).toMatchObject({ status: 0, windows: 52, differences: 0 })
    const again = await runKappa(['import', '--json', file], { env })
    expect(JSON.parse(again.stdout)).toMatchObject({ read: events, accepted: 0, duplicates: events })
    expect(await verified()).toMatchObject({ status: 0, differences: 0 })
  })

  it('go through a running kappa up', { timeout: 120_000 }, async () => {
    const lines = linesOf(1)
    const counted = `SELECT count() AS n FROM events FINAL WHERE workspace = 'beside'`
    const up = await startProduct({ data: env.KAPPA_DATA })
    try {
      expect(await importLines(lines, ['--workspace', 'beside'])).toMatchObject({ accepted: lines.length, memory_peak_bytes: null })
      expect((await runKappa(['sql', '--json', counted], { env })).stdout).toBe(`{"n":${lines.length}}\n`)
      expect((await runKappa(['verify', '--workspace', 'beside', '--json'], { env })).status).toBe(0)
      const made = await runKappa(['keys', 'create', '--workspace', 'beside', '--kind', 'read', '--json'], { env })
      const { id } = JSON.parse(made.stdout)
      expect((await runKappa(['keys', 'revoke', id], { env })).status).toBe(0)
      expect((await runKappa(['keys', 'revoke', id], { env })).stderr).toContain('[key_revoked]')
      expect((await runKappa(['doctor'], { env })).status).toBe(0)
    } finally {
      await up.stop()
    }
    expect(readdirSync(env.KAPPA_DATA).filter((name) => /lock|sock/.test(name))).toEqual([])
  })

  it('end politely on the first Ctrl-C, and are finished by running again', { timeout: 120_000 }, async () => {
    const lines = linesOf(2)
    const half = Math.floor(lines.length / 2)
    const started = startKappa(['import', '--json', '--workspace', 'stopped', '-'], { env })
    // The last line is under way when the signal comes.
    await feed(started.child, [...lines.slice(0, half), (lines[half] as Buffer).subarray(0, 20)])
    await underWay(env.KAPPA_DATA)
    started.child.kill('SIGINT')
    const stopped = await started.ended
    expect(stopped.status).toBe(1)
    expect(stopped.stderr).toContain('[import_stopped]')
    expect(JSON.parse(stopped.stdout)).toMatchObject({ read: half, accepted: half, quarantined: 0 })
    expect(await importLines(lines, ['--workspace', 'stopped'])).toMatchObject({ accepted: lines.length - half, duplicates: half })
    expect(await verified()).toMatchObject({ status: 0, differences: 0 })
  })

  it('kill -9 leaves a folder that the next command opens', { timeout: 120_000 }, async () => {
    const lines = linesOf(3)
    const started = startKappa(['import', '--workspace', 'killed', '-'], { env })
    await feed(started.child, lines.slice(0, 100))
    await underWay(env.KAPPA_DATA)
    started.child.kill('SIGKILL')
    await started.ended
    expect(await importLines(lines, ['--workspace', 'killed'])).toMatchObject({ read: lines.length, quarantined: 0 })
    expect(await verified()).toMatchObject({ status: 0, differences: 0 })
  })

  it('say which process has a folder that does not answer', { timeout: 60_000 }, async () => {
    const held = { KAPPA_DATA: await mkdtemp(join(folder, 'held-')) }
    writeFileSync(join(held.KAPPA_DATA, 'kappa.lock'), JSON.stringify({ pid: process.pid, started: '' }))
    const { status, stderr } = await runKappa(['sql', 'SELECT 1'], { env: held })
    expect(status).toBe(1)
    expect(stderr).toMatch(new RegExp(`^kappa: process ${process.pid} uses the data folder .* and does not answer.* \\[data_in_use\\]\\n$`))
  })

  it('verify finds a published number that is wrong, and one that is missing', { timeout: 120_000 }, async () => {
    await importLines(linesOf(4), ['--workspace', 'spoilt'])
    const warehouse = await openChdbWarehouse({ path: join(env.KAPPA_DATA, 'warehouse') })
    const isEnd = (extreme: string) =>
      `workspace = 'spoilt' AND window = '7d' AND dimension = '' AND end_at = (SELECT ${extreme}(end_at) FROM growth_windows WHERE workspace = 'spoilt' AND window = '7d' AND final = 1)`
    await warehouse.command(
      `INSERT INTO growth_windows SELECT * REPLACE (shares + 1 AS shares) FROM growth_windows FINAL WHERE ${isEnd('max')}`,
    )
    await warehouse.command(`DELETE FROM growth_windows WHERE ${isEnd('min')}`)
    await warehouse.close()
    const { status, stdout, stderr } = await runKappa(['verify', '--workspace', 'spoilt'], { env })
    expect(status).toBe(1)
    expect(stderr).toContain('[numbers_differ]')
    expect(stdout).toMatch(/^shares +all +\d+ +\d+ +\d+ +1$/m)
    expect(stdout).toMatch(/^active_users +all +0 +[1-9]\d* +[1-9]\d* +[1-9]\d*$/m)
  })
})
