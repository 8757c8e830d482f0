import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isMistypedSecret, makeSecret } from '../../ingest/keys/key-secret.ts'
import { openLmdbRegistry } from '../../ingest/keys/lmdb-registry.ts'
import type { RegistryOptions, WorkspaceRegistry } from '../../ingest/keys/workspace-registry.ts'
import { KEY_KINDS } from '../../schemas/config.ts'

let path: string
let registry: WorkspaceRegistry | undefined
let nowMs = 1_000
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'kappa-keys-')), 'keys')
})
afterEach(async () => {
  await registry?.close()
  registry = undefined
  await rm(path, { recursive: true, force: true })
})

async function start(fixedKeys?: RegistryOptions['fixedKeys']): Promise<WorkspaceRegistry> {
  await registry?.close()
  registry = await openLmdbRegistry({ path, randomBytes, clock: { nowMs: () => nowMs++ }, ...(fixedKeys ? { fixedKeys } : {}) })
  return registry
}

describe('workspace registry', () => {
  it('makes the default workspace with a key of each kind once, and knows them after a restart', async () => {
    const first = await start()
    const made = first.newSecrets
    expect(made.map(({ kind }) => kind)).toEqual([...KEY_KINDS])
    expect(first.names()).toEqual(['default'])
    const hashing = Buffer.from(first.hashingSecret('default'))
    expect(hashing.length).toBe(32)
    const again = await start()
    expect(again.newSecrets).toEqual([])
    expect(Buffer.from(again.hashingSecret('default')).equals(hashing)).toBe(true)
    for (const { kind, secret } of made) expect(again.authenticate(secret)).toMatchObject({ workspace: 'default', kind })
  })

  it('knows no other secret', async () => {
    const { newSecrets, authenticate } = await start()
    const secret = newSecrets[0]?.secret ?? ''
    const open = authenticate.bind(registry)
    for (const wrong of ['', ' ', secret.slice(0, -1), `${secret}x`, secret.toUpperCase(), ` ${secret}`, 'constructor', '__proto__']) {
      expect(open(wrong)).toBeUndefined()
    }
  })

  it('stops a revoked key at once, and for good', async () => {
    const keys = await start()
    const { info, secret } = await keys.createKey('default', 'server')
    expect(keys.authenticate(secret)?.keyId).toBe(info.id)
    const revoking = keys.revokeKey(info.id)
    expect(keys.authenticate(secret)).toBeUndefined()
    expect(await revoking).toBe(true)
    expect(await keys.revokeKey(info.id)).toBe(false)
    expect(await keys.revokeKey('nobody')).toBe(false)
    expect((await start()).authenticate(secret)).toBeUndefined()
    expect(registry?.listKeys('default').find(({ id }) => id === info.id)?.revokedAtMs).toBeGreaterThan(0)
  })

  it('keeps workspaces and their hashing secrets apart', async () => {
    const keys = await start()
    expect(await keys.create('shop')).toBe(true)
    expect(await keys.create('shop')).toBe(false)
    await expect(keys.create('No Such Name')).rejects.toThrow()
    expect(Buffer.from(keys.hashingSecret('shop')).equals(Buffer.from(keys.hashingSecret('default')))).toBe(false)
    const { secret } = await keys.createKey('shop', 'write')
    expect(keys.authenticate(secret)).toMatchObject({ workspace: 'shop', kind: 'write' })
    expect(keys.listKeys('shop').length).toBe(1)
    expect(() => keys.hashingSecret('nowhere')).toThrow(/nowhere/)
    await expect(keys.createKey('nowhere', 'read')).rejects.toThrow(/nowhere/)
    expect((await start()).names()).toEqual(['default', 'shop'])
  })

  it('takes fixed keys in place of its own, as long as the configuration has them', async () => {
    const own = (await start()).newSecrets
    const fixed = { write: 'a-fixed-write-key-for-containers', server: 'a-fixed-server-key-for-containers' }
    let keys = await start(fixed)
    expect(keys.newSecrets).toEqual([])
    expect(keys.authenticate(fixed.write)).toMatchObject({ kind: 'write', workspace: 'default' })
    expect(own.map(({ secret }) => keys.authenticate(secret)?.kind)).toEqual([undefined, undefined, 'read', 'admin'])
    keys = await start(fixed)
    expect(keys.listKeys('default').filter(({ kind, revokedAtMs }) => kind === 'write' && revokedAtMs === null).length).toBe(1)
    const made = await keys.createKey('default', 'server')
    keys = await start({ ...fixed, write: 'another-fixed-write-key-123' })
    expect(keys.authenticate(fixed.write)).toBeUndefined()
    expect(keys.authenticate('another-fixed-write-key-123')?.kind).toBe('write')
    keys = await start()
    expect(keys.authenticate('another-fixed-write-key-123')).toBeUndefined()
    // Of the kinds that were left without a key there is a new one; somebody's own server key stands.
    expect(keys.newSecrets.map(({ kind }) => kind)).toEqual(['write'])
    expect(keys.authenticate(made.secret)?.kind).toBe('server')
    keys = await start(fixed)
    expect(keys.authenticate(fixed.write)?.kind).toBe('write')
  })

  it('fixed keys at the first start: nothing to show for those kinds', async () => {
    const keys = await start({ admin: 'an-admin-key-from-the-environment' })
    expect(keys.newSecrets.map(({ kind }) => kind)).toEqual(['write', 'server', 'read'])
  })

  it('writes no secret to disk, and lets nobody else read what it writes', async () => {
    const keys = await start({ admin: 'an-admin-key-from-the-environment' })
    const secrets = [...keys.newSecrets.map(({ secret }) => secret), 'an-admin-key-from-the-environment']
    await keys.close()
    registry = undefined
    expect((await stat(path)).mode & 0o777).toBe(0o700)
    for (const name of await readdir(path)) {
      expect((await stat(join(path, name))).mode & 0o777).toBe(0o600)
      const bytes = (await readFile(join(path, name))).toString('latin1')
      for (const secret of secrets) expect(bytes.includes(secret)).toBe(false)
    }
  })

  it('secrets say their kind and carry a checksum', () => {
    for (const kind of KEY_KINDS) {
      const { id, secret } = makeSecret(kind, randomBytes)
      expect(secret).toMatch(new RegExp(`^kappa_${kind}_${id}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$`))
      expect(isMistypedSecret(secret)).toBe(false)
      const at = 30
      const other = secret[at] === 'a' ? 'b' : 'a'
      expect(isMistypedSecret(secret.slice(0, at) + other + secret.slice(at + 1))).toBe(true)
    }
    expect(isMistypedSecret('a-fixed-key-of-somebody')).toBe(false)
  })
})
