/** Instances that share workspaces and keys through a log. */
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { keyDigestSecret, personalDataSecret } from '../../ingest/keys/derived-secrets.ts'
import { type LogRegistryOptions, openLogRegistry } from '../../ingest/keys/log-registry.ts'
import type { WorkspaceRegistry } from '../../ingest/keys/workspace-registry.ts'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { KEY_KINDS } from '../../schemas/config.ts'
import { type Log, LogUnavailableError } from '../../schemas/ports/log.ts'

const SECRET = 'the-secret-that-all-instances-share'
const FIXED = {
  write: 'a-fixed-write-key-for-containers',
  server: 'a-fixed-server-key-for-containers',
  read: 'a-fixed-read-key-for-containers',
  admin: 'a-fixed-admin-key-for-containers',
}

const GIVEN = ['one-secret-that-is-given', 'two-secrets-that-are-given']

let log: Log
let nowMs = 1_000
let troubles: string[]
beforeEach(() => {
  log = createMemoryLog({ partitions: 1 })
  troubles = []
})

async function open(changes: Partial<LogRegistryOptions> = {}): Promise<WorkspaceRegistry> {
  const registry = await openLogRegistry({
    log,
    secret: SECRET,
    makesStartKeys: false,
    randomBytes,
    clock: { nowMs: () => nowMs++ },
    onTrouble: (message) => troubles.push(message),
    ...changes,
  })
  onTestFinished(() => registry.close())
  return registry
}

/** As Kafka's may be: what other instances append is not told of. */
const silent = (): Log => ({ ...log, onAppend: () => () => undefined })
const append = (...records: unknown[]) =>
  log.append(
    records.map((record) => ({ partition: 0, value: record instanceof Uint8Array ? record : Buffer.from(JSON.stringify(record)) })),
  )
const living = (registry: WorkspaceRegistry) => registry.listKeys().filter(({ revokedAtMs }) => revokedAtMs === null)

describe('two registries on one log', () => {
  it.each([
    { name: 'a log that tells of appends', place: () => log, withinMs: 300 },
    { name: 'a log that does not', place: silent, withinMs: 2_000 },
  ])('see what the other makes and revokes, on $name', async ({ place, withinMs }) => {
    const one = await open({ log: place() })
    const other = await open({ log: place() })
    await one.create('shop')
    const { info, secret } = await one.createKey('shop', 'write')
    await vi.waitFor(() => expect(other.authenticate(secret)).toEqual({ workspace: 'shop', kind: 'write', keyId: info.id }), withinMs)
    expect(other.names()).toEqual(['default', 'shop'])
    expect(await other.create('shop')).toBe(false)
    expect(Buffer.from(other.hashingSecret('shop'))).toEqual(Buffer.from(one.hashingSecret('shop')))
    expect(await other.revokeKey(info.id)).toBe(true)
    await vi.waitFor(() => expect(one.authenticate(secret)).toBeUndefined(), withinMs)
    expect(one.listKeys()).toEqual(other.listKeys())
    expect(await one.revokeKey(info.id)).toBe(false)
  })

  it('start at once with the same fixed keys, and agree', async () => {
    const opened = await Promise.all([0, 1, 2, 3].map((number) => open({ fixedKeys: FIXED, makesStartKeys: number === 0 })))
    const later = await open({ fixedKeys: FIXED })
    expect(living(later).map(({ kind }) => kind)).toEqual([...KEY_KINDS])
    expect(later.listKeys()).toHaveLength(4)
    for (const registry of opened) {
      await vi.waitFor(() => expect(registry.listKeys()).toEqual(later.listKeys()))
      for (const kind of KEY_KINDS) expect(registry.authenticate(FIXED[kind])?.kind).toBe(kind)
      expect(registry.newSecrets).toEqual([])
    }
  })

  it('make start keys once where both should', async () => {
    const opened = await Promise.all([open({ makesStartKeys: true }), open({ makesStartKeys: true })])
    const shown = opened.flatMap(({ newSecrets }) => newSecrets)
    expect(shown.map(({ kind }) => kind).sort()).toEqual([...KEY_KINDS].sort())
    const later = await open()
    expect(living(later)).toHaveLength(4)
    for (const { kind, secret } of shown) expect(later.authenticate(secret)?.kind).toBe(kind)
  })

  it('make one workspace when both do', async () => {
    const [one, other] = await Promise.all([open(), open()])
    expect((await Promise.all([one.create('shop'), other.create('shop'), one.create('shop')])).filter((made) => made)).toHaveLength(1)
  })

  it('end with the same keys, whatever they do at once', async () => {
    const action = fc.record({
      by: fc.nat(1),
      does: fc.constantFrom('given', 'made', 'revoke', 'wait'),
      given: fc.constantFrom(...GIVEN),
      kind: fc.constantFrom(...KEY_KINDS),
      which: fc.nat(50),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30 }), async (actions) => {
        log = createMemoryLog({ partitions: 1 })
        const registries = await Promise.all([open(), open()])
        const running: Promise<unknown>[] = []
        for (const { by, does, given, kind, which } of actions) {
          const registry = registries[by] as WorkspaceRegistry
          const known = registry.listKeys()
          if (does === 'given') running.push(registry.createKey('default', kind, given).catch(() => {}))
          else if (does === 'made') running.push(registry.createKey('default', kind))
          else if (does === 'revoke') running.push(registry.revokeKey(known[which % known.length]?.id ?? ''))
          else await Promise.all(running)
        }
        await Promise.all(running)
        const fresh = await open()
        for (const registry of registries) {
          await vi.waitFor(() => expect(registry.listKeys()).toEqual(fresh.listKeys()), { interval: 1 })
          for (const given of GIVEN) {
            expect(registry.authenticate(given)).toEqual(fresh.authenticate(given))
            const lives = living(fresh).some(({ prefix }) => prefix === `${given.slice(0, 4)}...`)
            expect(fresh.authenticate(given) !== undefined).toBe(lives)
          }
        }
        for (const registry of [...registries, fresh]) await registry.close()
      }),
      { numRuns: 50 },
    )
  })
})

describe('an instance that makes no start keys', () => {
  it('knows none until another one made them', async () => {
    const role = await open()
    expect([role.names(), role.listKeys(), role.newSecrets]).toEqual([['default'], [], []])
    const { newSecrets } = await open({ makesStartKeys: true })
    expect(newSecrets.map(({ kind }) => kind)).toEqual([...KEY_KINDS])
    await vi.waitFor(() => expect(living(role)).toHaveLength(4))
    for (const { kind, secret } of newSecrets) expect(role.authenticate(secret)?.kind).toBe(kind)
  })

  it('adds fixed keys and takes none away, nor brings back one that was revoked', async () => {
    const settled = await open({ fixedKeys: FIXED, makesStartKeys: true })
    const newer = await open({ fixedKeys: { write: 'another-fixed-write-key-123' } })
    expect(newer.authenticate(FIXED.write)?.kind).toBe('write')
    expect(newer.authenticate('another-fixed-write-key-123')?.kind).toBe('write')
    await settled.revokeKey(settled.authenticate(FIXED.read)?.keyId ?? '')
    const restarted = await open({ fixedKeys: FIXED })
    expect(restarted.authenticate(FIXED.read)).toBeUndefined()
    const settledAgain = await open({ fixedKeys: FIXED, makesStartKeys: true })
    expect(settledAgain.authenticate(FIXED.read)?.kind).toBe('read')
    expect(settledAgain.authenticate('another-fixed-write-key-123')).toBeUndefined()
  })
})

describe('the records', () => {
  it('that can not be read are skipped and told of, at the start and later', async () => {
    const first = await open({ makesStartKeys: true })
    const stored = JSON.parse(new TextDecoder().decode((await log.read(0, 1, 1))[0]?.value)) as { key: object }
    const unreadable = [
      Buffer.from('{'),
      new Uint8Array(),
      Uint8Array.of(0x22, 0xff, 0x22),
      null,
      { v: 2, workspace: { name: 'newer', createdAtMs: 1 } },
      { v: 1 },
      { v: 1, workspace: { name: 'No Such Name', createdAtMs: 1 } },
      { v: 1, key: { ...stored.key, digest: 'short' } },
      { v: 1, key: { ...stored.key, workspace: 'nowhere' } },
    ]
    const before = first.listKeys()
    const from = (await append(...unreadable))[0] ?? 0
    const { secret } = await first.createKey('default', 'read')
    expect(troubles).toEqual(unreadable.map((_, i) => expect.stringContaining(`offset ${from + i} `)))
    troubles = []
    const later = await open()
    expect(troubles).toHaveLength(unreadable.length)
    expect(later.authenticate(secret)?.kind).toBe('read')
    expect(later.names()).toEqual(['default'])
    expect(later.listKeys()).toHaveLength(before.length + 1)
  })

  it('bring no revoked key back, nor give an id another secret', async () => {
    const registry = await open()
    const { info, secret } = await registry.createKey('default', 'read')
    const [made] = (await log.read(0, (await log.endOffset(0)) - 1, 1)).map(({ value }) => JSON.parse(new TextDecoder().decode(value)))
    await append({ v: 1, key: { ...made.key, digest: '0'.repeat(64) } })
    const other = await open()
    expect(other.authenticate(secret)?.keyId).toBe(info.id)
    await registry.revokeKey(info.id)
    await append(made)
    expect((await open()).authenticate(secret)).toBeUndefined()
  })

  it('are worth nothing under another secret', async () => {
    const { newSecrets } = await open({ makesStartKeys: true })
    const other = await open({ secret: 'the-secret-of-another-installation' })
    expect(newSecrets.map(({ secret }) => other.authenticate(secret))).toEqual(newSecrets.map(() => undefined))
  })

  it('hold no secret to hash under', async () => {
    const registry = await open({ makesStartKeys: true })
    const written = (await log.read(0, 0, 1_000)).map(({ value }) => new TextDecoder().decode(value)).join()
    for (const secret of [registry.hashingSecret('default'), keyDigestSecret(SECRET)]) {
      for (const encoding of ['hex', 'base64', 'base64url'] as const) expect(written).not.toContain(Buffer.from(secret).toString(encoding))
    }
    expect(written).not.toContain(SECRET)
  })

  it('must be in one order', async () => {
    await expect(open({ log: createMemoryLog({ partitions: 2 }) })).rejects.toThrow(/2 partitions, not 1/)
  })
})

describe('a log that is away', () => {
  it('refuses a write; a revoked key stops here all the same, and can be revoked again', async () => {
    let isAway = false
    const failing: Log = {
      ...log,
      append: async (messages) => {
        if (isAway) throw new LogUnavailableError('away')
        return log.append(messages)
      },
    }
    const registry = await open({ log: failing })
    const other = await open()
    const { info, secret } = await registry.createKey('default', 'read')
    isAway = true
    await expect(registry.createKey('default', 'read')).rejects.toThrow(LogUnavailableError)
    await expect(registry.create('shop')).rejects.toThrow(LogUnavailableError)
    expect(registry.exists('shop')).toBe(false)
    await expect(registry.revokeKey(info.id)).rejects.toThrow(LogUnavailableError)
    expect(registry.authenticate(secret)).toBeUndefined()
    isAway = false
    expect(await registry.revokeKey(info.id)).toBe(true)
    await vi.waitFor(() => expect(other.authenticate(secret)).toBeUndefined())
    expect(await registry.revokeKey(info.id)).toBe(false)
  })

  it('is told of once, and read on when it is back', async () => {
    let isAway = false
    const failing: Log = {
      ...log,
      read: async (partition, offset, limit) => {
        if (isAway) throw new LogUnavailableError('away')
        return log.read(partition, offset, limit)
      },
    }
    const registry = await open({ log: failing })
    const other = await open()
    isAway = true
    await expect(registry.create('shop')).rejects.toThrow(LogUnavailableError)
    await other.create('other')
    await vi.waitFor(() => expect(troubles).toHaveLength(1))
    isAway = false
    await vi.waitFor(() => expect(registry.names()).toEqual(['default', 'other', 'shop']), 3_000)
    expect(troubles).toEqual([expect.stringContaining('can not be read')])
  })

  it('lets nobody wait when the registry closes', async () => {
    let isDeaf = false
    const registry = await open({ log: { ...silent(), read: (...place) => (isDeaf ? [] : log.read(...place)) } })
    isDeaf = true
    const waiting = registry.create('shop').catch((error: unknown) => error)
    await vi.waitFor(async () => expect(await log.endOffset(0)).toBe(2))
    await registry.close()
    expect(await waiting).toBeInstanceOf(LogUnavailableError)
    await expect(registry.create('other')).rejects.toThrow(LogUnavailableError)
    expect(await log.endOffset(0)).toBe(2)
  })
})

it('derives the same secrets for good, by HKDF-SHA256', () => {
  // From another implementation of RFC 5869.
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
  expect(hex(keyDigestSecret(SECRET))).toBe('c9be0d7b10f38c5c126f20a73732390f6e0a0e332a5ec209197f4b075959ae9f')
  expect(hex(personalDataSecret(SECRET, 'default'))).toBe('e8461bf19f474dce09ef537db68f3a41cd4f1c9743ab0b7a5ed684802b957185')
  expect(hex(personalDataSecret(SECRET, 'shop'))).not.toBe(hex(personalDataSecret(SECRET, 'default')))
})
