import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { simulate } from '../../simulate/simulate-growth.ts'
import { runKappa } from '../support/kappa-command.ts'

let folder: string
let data: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kappa-commands-'))
  data = join(folder, 'data')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the built commands, on a folder that nobody has open', () => {
  it('import, and every number agrees', { timeout: 60_000 }, async () => {
    const { events } = simulate({ users: 40, days: 5, k: 0.6, seed: 11 })
    const lines = events.map((event) => JSON.stringify(event)).join('\n')
    writeFileSync(join(folder, 'one.ndjson.gz'), gzipSync(lines))
    writeFileSync(join(folder, 'two.csv'), 'who,when\nann,2026-01-06T00:00:00Z\nbob\ncyd,yesterday\n')
    writeFileSync(
      join(folder, 'map.json'),
      JSON.stringify({ columns: { who: 'actor_id', when: 'occurred_at' }, constants: { type: 'conversion', kind: 'signup' } }),
    )

    const env = { KAPPA_DATA: data }
    const imported = await runKappa(['import', '--json', join(folder, 'one.ndjson.gz'), '-'], { env, stdin: [Buffer.from(lines)] })
    expect(imported.status, imported.stderr).toBe(0)
    expect(imported.stderr).toContain('shown this once')
    expect(JSON.parse(imported.stdout)).toMatchObject({
      workspace: 'default',
      read: 2 * events.length,
      accepted: events.length,
      duplicates: events.length,
      quarantined: 0,
    })
    expect(readdirSync(data).filter((name) => /lock|sock|^\./.test(name))).toEqual([])

    const csv = await runKappa(['import', '--json', '--workspace', 'leads', '--map', join(folder, 'map.json'), join(folder, 'two.csv')], {
      env,
    })
    expect(csv.status, csv.stderr).toBe(0)
    expect(JSON.parse(csv.stdout)).toMatchObject({ read: 3, accepted: 1, reasons: { event_malformed: 1, time_invalid: 1 } })

    const messages = [
      { batch: [{ type: 'track', event: 'Signed Up', userId: 'ann', messageId: 'm1', timestamp: '2026-01-06T00:00:00Z' }] },
      { type: 'page', name: 'Home', anonymousId: 'a1', messageId: 'm2', timestamp: '2026-01-06T00:00:00Z' },
    ]
    const segment = await runKappa(['import', '--json', '--workspace', 'moved', '--format', 'segment', '-'], {
      env,
      stdin: messages.map((message) => Buffer.from(`${JSON.stringify(message)}\n`)),
    })
    expect(segment.status, segment.stderr).toBe(0)
    expect(JSON.parse(segment.stdout)).toMatchObject({ read: 2, accepted: 2, quarantined: 0 })
    const kinds = `SELECT groupArray(kind) AS kinds FROM (SELECT kind FROM events FINAL WHERE workspace = 'moved' ORDER BY kind)`
    expect((await runKappa(['sql', '--json', kinds], { env })).stdout).toBe('{"kinds":["page","signup"]}\n')

    const verified = await runKappa(['verify', '--json', '--window', '7d', '--at', '2026-01-08T00:00:00Z'], { env })
    expect(verified.status, verified.stderr).toBe(0)
    expect(JSON.parse(verified.stdout)).toMatchObject({ windows: 3, differences: 0 })
  })

  it.each([
    { args: ['import', 'nowhere.ndjson'], says: 'nowhere.ndjson is not there', code: 'file_missing' },
    { args: ['import', '--workspace', 'No Such', '-'], says: 'must be lower-case', code: 'workspace_invalid' },
    { args: ['up', '--host', '0.0.0.0'], says: 'there is no admin password', code: 'host_unsafe' },
  ])('fail in one sentence: $args', async ({ args, says, code }) => {
    const { status, stdout, stderr } = await runKappa(args, { env: { KAPPA_DATA: join(folder, 'none') } })
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^kappa: .*${says}.* \\[${code}\\]\\n$`))
    expect(existsSync(join(folder, 'none'))).toBe(false)
  })

  it('verify agrees after an import that reached far behind what was there', { timeout: 60_000 }, async () => {
    const env = { KAPPA_DATA: join(folder, 'far-back') }
    const share = (id: string, occurred_at: string) =>
      `${JSON.stringify({ type: 'share', event_id: id, actor_id: id, content_id: 'x', occurred_at })}\n`
    const rows = [share('new', '2026-03-02T10:00:00Z'), share('old', '2025-12-01T10:00:00Z'), share('other', '2026-03-02T11:00:00Z')]
    const imported = await runKappa(['import', '--json', '-'], { env, stdin: rows.map((row) => Buffer.from(row)) })
    expect(imported.status, imported.stderr).toBe(0)
    const verified = await runKappa(['verify', '--json'], { env })
    expect(verified.status, verified.stderr).toBe(0)
  })
})
