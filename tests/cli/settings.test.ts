import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CommandError } from '../../cli/command-error.ts'
import { readEventMap } from '../../cli/event-map-file.ts'
import { isLoopbackHost, readSettings, refuseOpenHost, SETTING_VARIABLES, type SettingFlags } from '../../cli/settings.ts'
import { config } from '../../schemas/config.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kappa-settings-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function read(sources: { flags?: SettingFlags; env?: Record<string, string>; file?: unknown }) {
  const path = join(folder, 'kappa.config.json')
  rmSync(path, { force: true })
  if (sources.file !== undefined) writeFileSync(path, typeof sources.file === 'string' ? sources.file : JSON.stringify(sources.file))
  return readSettings({ flags: sources.flags ?? {}, env: sources.env ?? {}, cwd: folder })
}

describe('settings', () => {
  it('have defaults, and a data folder under the working folder', () => {
    expect(read({})).toEqual({
      data: join(folder, '.kappa'),
      port: 5272,
      host: '127.0.0.1',
      log: 'embedded:',
      warehouse: 'chdb:',
      readsPerMinute: 600,
      partitions: 1,
    })
  })

  it.each([
    { name: 'a flag before the environment and the file', flags: { port: '1' }, env: { KAPPA_PORT: '2' }, file: { port: 3 }, port: 1 },
    { name: 'the environment before the file', env: { KAPPA_PORT: '2' }, file: { port: 3 }, port: 2 },
    { name: 'the file before the default', file: { port: 3 }, port: 3 },
    { name: 'an empty variable as none', env: { KAPPA_PORT: '' }, file: { port: 3 }, port: 3 },
  ])('take $name', ({ port, ...sources }) => {
    expect(read(sources).port).toBe(port)
  })

  it('read the event map from the working folder', async () => {
    const { eventMap } = read({ file: { eventMap: 'events.json' } })
    expect(eventMap).toBe(join(folder, 'events.json'))
    writeFileSync(join(folder, 'events.json'), '{"events": {"Ticket Bought": {"type": "conversion", "kind": "purchase"}}}')
    expect(await readEventMap(eventMap)).toMatchObject({ extendsDefault: true, events: { 'Ticket Bought': { kind: 'purchase' } } })
    writeFileSync(join(folder, 'events.json'), '{"events": {"Ticket Bought": {"type": "order"}}}')
    await expect(readEventMap(eventMap)).rejects.toThrow(/events\.json can't be used: events\.Ticket Bought/)
    await expect(readEventMap(join(folder, 'absent.json'))).rejects.toThrow(/absent\.json can't be used/)
    expect(await readEventMap(undefined)).toBeUndefined()
  })

  it('leave an absolute data folder as it is', () => {
    expect(read({ env: { KAPPA_DATA: '/srv/kappa' } }).data).toBe('/srv/kappa')
  })

  it.each([
    { says: 'KAPPA_PORT is not valid', env: { KAPPA_PORT: '70000' } },
    { says: '--port is not valid', flags: { port: 'many' } },
    { says: '"port" in kappa.config.json is not valid', file: { port: -1 } },
    { says: 'KAPPA_WRITE_KEY is not valid: must have at least 20 characters', env: { KAPPA_WRITE_KEY: 'short' } },
    { says: 'KAPPA_LOG is not valid: must be embedded:', env: { KAPPA_LOG: 'kafka://host' } },
    { says: 'KAPPA_SECRET is not valid: must have at least 32 characters: openssl rand -hex 32', env: { KAPPA_SECRET: 'short' } },
    { says: 'openssl rand -hex 32', env: { KAPPA_LOG: 'kafka://host:9092' } },
    { says: 'KAPPA_WAREHOUSE is not valid: must be chdb: or http(s)://', env: { KAPPA_WAREHOUSE: 'tcp://host:9000' } },
    { says: '--warehouse is not valid', flags: { warehouse: 'http://host:8123/a/b' } },
    { says: 'KAPPA_REDIS is not valid: must be redis://', env: { KAPPA_REDIS: 'host:6379' } },
    { says: 'KAPPA_CLICKHOUSE_CLUSTER is not valid', env: { KAPPA_CLICKHOUSE_CLUSTER: "it's" } },
    { says: 'KAPPA_READS_PER_MINUTE is not valid', env: { KAPPA_READS_PER_MINUTE: 'many' } },
    { says: 'there is no setting "prot" in kappa.config.json', file: { prot: 1 } },
    { says: 'must hold one JSON object', file: [1] },
    { says: "can't be read as JSON", file: '{' },
  ])('are refused in one sentence: $says', ({ says, ...sources }) => {
    const refusal = expect(() => read(sources as Parameters<typeof read>[0]))
    refusal.toThrow(CommandError)
    refusal.toThrow(says)
  })

  it.each(['chdb:', 'http://127.0.0.1:8123', 'https://kappa:p%40ss%2Fword@clickhouse.example:8443/kappa'])(
    'take the warehouse %s',
    (warehouse) => {
      expect(read({ env: { KAPPA_WAREHOUSE: warehouse } }).warehouse).toBe(warehouse)
    },
  )

  it('have an environment variable each', () => {
    expect(Object.keys(SETTING_VARIABLES).sort()).toEqual(Object.keys(config.shape).sort())
    for (const [name, field] of Object.entries(config.shape)) {
      expect(field.description, name).toContain(SETTING_VARIABLES[name as keyof typeof SETTING_VARIABLES])
    }
  })
})

describe('a host that others can reach', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.8.0.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['10.0.0.1', false],
    ['kappa.example', false],
  ])('%s is loopback: %s', (host, loopback) => {
    expect(isLoopbackHost(host)).toBe(loopback)
  })

  it('needs a password', () => {
    expect(() => refuseOpenHost({ host: '0.0.0.0', adminPassword: undefined })).toThrow('KAPPA_ADMIN_PASSWORD')
    expect(() => refuseOpenHost({ host: '0.0.0.0', adminPassword: 'correct horse battery' })).not.toThrow()
    expect(() => refuseOpenHost({ host: '127.0.0.1', adminPassword: undefined })).not.toThrow()
  })
})
