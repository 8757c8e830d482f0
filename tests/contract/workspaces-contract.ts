/** What a registry of workspaces and keys must do, whatever keeps them (schemas/ports/workspaces.ts). */
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RegistryOptions, WorkspaceRegistry } from '../../ingest/keys/workspace-registry.ts'
import { KEY_KINDS } from '../../schemas/config.ts'

export interface RegistryDriver {
  readonly name: string
  /** Makes a place for a new registry that makes start keys, and returns how to open it, again and again, and all bytes that it wrote. */
  create(): Promise<{
    open(options: RegistryOptions): Promise<WorkspaceRegistry>
    written(): Promise<string>
    dispose(): Promise<void>
  }>
}

/** Registers the suite for one driver. */
export function describeWorkspacesContract(driver: RegistryDriver): void {
  describe(`workspaces contract: ${driver.name}`, () => {
    let place: Awaited<ReturnType<RegistryDriver['create']>>
    let registry: WorkspaceRegistry | undefined
    let nowMs = 1_000
    beforeEach(async () => {
      place = await driver.create()
    })
    afterEach(async () => {
      await registry?.close()
      registry = undefined
      await place.dispose()
    })

    async function start(fixedKeys: RegistryOptions['fixedKeys'] = {}): Promise<WorkspaceRegistry> {
      await registry?.close()
      registry = await place.open({ randomBytes, clock: { nowMs: () => nowMs++ }, fixedKeys })
      return registry
    }
    const living = (keys: WorkspaceRegistry) => keys.listKeys('default').filter(({ revokedAtMs }) => revokedAtMs === null)

    it('makes the default workspace with a key of each kind once, and knows all of it after a restart', async () => {
      const first = await start()
      const made = first.newSecrets
      expect(made.map(({ kind }) => kind)).toEqual([...KEY_KINDS])
      expect(first.names()).toEqual(['default'])
      const hashing = Buffer.from(first.hashingSecret('default'))
      expect(hashing.length).toBe(32)
      const known = first.listKeys()
      const again = await start()
      expect(again.newSecrets).toEqual([])
      expect(again.listKeys()).toEqual(known)
      expect(Buffer.from(again.hashingSecret('default')).equals(hashing)).toBe(true)
      for (const { kind, secret } of made) expect(again.authenticate(secret)).toMatchObject({ workspace: 'default', kind })
    })

    it('knows a key as soon as it is made, and a revoked one no more, at once and for good', async () => {
      const keys = await start()
      const { info, secret } = await keys.createKey('default', 'server')
      expect(keys.authenticate(secret)).toEqual({ workspace: 'default', kind: 'server', keyId: info.id })
      const revoking = keys.revokeKey(info.id)
      expect(keys.authenticate(secret)).toBeUndefined()
      expect(await revoking).toBe(true)
      expect(await keys.revokeKey(info.id)).toBe(false)
      expect(await keys.revokeKey('nobody')).toBe(false)
      const again = await start()
      expect(again.authenticate(secret)).toBeUndefined()
      expect(again.listKeys('default').find(({ id }) => id === info.id)?.revokedAtMs).toBeGreaterThan(0)
    })

    it('makes a workspace once, with a hashing secret of its own', async () => {
      const keys = await start()
      expect((await Promise.all([keys.create('shop'), keys.create('shop')])).sort()).toEqual([false, true])
      expect(await keys.create('shop')).toBe(false)
      await expect(keys.create('No Such Name')).rejects.toThrow()
      const shop = Buffer.from(keys.hashingSecret('shop'))
      expect(shop.equals(Buffer.from(keys.hashingSecret('default')))).toBe(false)
      const { secret } = await keys.createKey('shop', 'write')
      expect(keys.listKeys('shop').length).toBe(1)
      expect(() => keys.hashingSecret('nowhere')).toThrow(/nowhere/)
      await expect(keys.createKey('nowhere', 'read')).rejects.toThrow(/nowhere/)
      const again = await start()
      expect(again.names()).toEqual(['default', 'shop'])
      expect(again.authenticate(secret)).toMatchObject({ workspace: 'shop', kind: 'write' })
      expect(Buffer.from(again.hashingSecret('shop')).equals(shop)).toBe(true)
    })

    it('takes fixed keys in place of its own, as long as the configuration has them', async () => {
      const own = (await start()).newSecrets
      const fixed = { write: 'a-fixed-write-key-for-containers', server: 'a-fixed-server-key-for-containers' }
      let keys = await start(fixed)
      expect(own.map(({ secret }) => keys.authenticate(secret)?.kind)).toEqual([undefined, undefined, 'read', 'admin'])
      keys = await start(fixed)
      expect(living(keys).map(({ kind }) => kind)).toHaveLength(4)
      keys = await start({ ...fixed, write: 'another-fixed-write-key-123' })
      expect(keys.authenticate(fixed.write)).toBeUndefined()
      expect(keys.authenticate('another-fixed-write-key-123')?.kind).toBe('write')
      keys = await start({ server: fixed.server })
      expect(keys.authenticate('another-fixed-write-key-123')).toBeUndefined()
      expect(keys.newSecrets.map(({ kind }) => kind)).toEqual(['write'])
      // One that came back, as a key of its own: the revoked one stays in the list.
      keys = await start(fixed)
      expect(keys.authenticate(fixed.write)?.kind).toBe('write')
      expect(new Set(keys.listKeys().map(({ id }) => id)).size).toBe(keys.listKeys().length)
      expect(keys.listKeys().filter(({ prefix }) => prefix === 'a-fi...')).toHaveLength(3)
    })

    it('makes no new key for who revoked the last one of a kind', async () => {
      const keys = await start()
      for (const { id } of living(keys)) await keys.revokeKey(id)
      const again = await start()
      expect(again.newSecrets).toEqual([])
      expect(living(again)).toEqual([])
    })

    it('refuses a given secret that another key has, until that is revoked', async () => {
      const keys = await start()
      const given = 'somebody-gave-this-secret'
      const { info } = await keys.createKey('default', 'read', given)
      await expect(keys.createKey('default', 'admin', given)).rejects.toThrow(info.id)
      await keys.revokeKey(info.id)
      await keys.createKey('default', 'admin', given)
      expect(keys.authenticate(given)?.kind).toBe('admin')
      expect((await start()).authenticate(given)?.kind).toBe('admin')
    })

    it('writes down no secret of a key', async () => {
      const given = 'an-admin-key-from-the-environment'
      const keys = await start({ admin: given })
      const secrets = [...keys.newSecrets.map(({ secret }) => secret), given]
      await keys.close()
      registry = undefined
      const written = await place.written()
      expect(written.length).toBeGreaterThan(100)
      for (const secret of secrets) expect(written.includes(secret)).toBe(false)
    })
  })
}
