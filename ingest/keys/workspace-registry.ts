/**
 * Workspaces and keys in memory, over a store that keeps them. Secrets of keys are kept as HMAC-SHA256 only; the look-up
 * is by that digest, so its timing tells nothing of the secret.
 *
 * Several registries may stand on one store. They agree whatever comes in which order: what a record says of an id is
 * final in its digest and in being revoked, a given secret has an id that follows from it, and of two start keys that
 * were made at once the one that the store tells first stays.
 */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { DEFAULT_WORKSPACE, KEY_KINDS, type KeyKind, workspaceName } from '../../schemas/config.ts'
import type { Clock } from '../../schemas/ports/clock.ts'
import type { KeyInfo, Principal, Workspaces } from '../../schemas/ports/workspaces.ts'
import { isMistypedSecret, makeSecret, randomBase62 } from './key-secret.ts'
import type { RegistryStore, StoredKey, StoredWorkspace } from './registry-store.ts'

export interface RegistryOptions {
  readonly randomBytes: (length: number) => Uint8Array
  readonly clock: Clock
  /** Keys of the default workspace that the configuration gives. */
  readonly fixedKeys?: { readonly [Kind in KeyKind]?: string | undefined }
}

export interface WorkspaceRegistry extends Workspaces {
  /** Secrets that were made at this open, to be shown once; empty but at the first start. Fixed keys are not in it. */
  readonly newSecrets: readonly { readonly kind: KeyKind; readonly secret: string }[]
  close(): Promise<void>
}

const KEY_ID_LENGTH = 10
const FIXED_PREFIX_LENGTH = 4

/**
 * The registry of a store, with the workspace `default` and the fixed keys in it. With `makesStartKeys` it settles the
 * keys of that workspace: fixed keys replace its own, those that the configuration no longer has go, and each kind that
 * is left without a key at the first start or by that gets a new one. Without, it adds fixed keys that nobody revoked and
 * takes none away, so that instances of an older configuration and of a newer one can run side by side.
 * Owns the store: closes it, also when this rejects.
 */
export async function openRegistry(
  store: RegistryStore,
  options: RegistryOptions & { readonly makesStartKeys: boolean },
): Promise<WorkspaceRegistry> {
  const registry = new StoredRegistry(store, options)
  try {
    await store.follow(registry)
    if (!registry.exists(DEFAULT_WORKSPACE)) await registry.create(DEFAULT_WORKSPACE)
    for (const kind of KEY_KINDS) {
      const fixed = options.fixedKeys?.[kind]
      if (options.makesStartKeys) await registry.settleKeys(kind, fixed)
      else if (fixed !== undefined) await registry.addFixedKey(kind, fixed)
    }
  } catch (error) {
    await store.close()
    throw error
  }
  return registry
}

class StoredRegistry implements WorkspaceRegistry {
  readonly newSecrets: { kind: KeyKind; secret: string }[] = []
  readonly #store: RegistryStore
  readonly #randomBytes: (length: number) => Uint8Array
  readonly #clock: Clock
  readonly #names = new Set<string>()
  /** In the order in which the store first told of them. */
  readonly #byId = new Map<string, StoredKey>()
  readonly #byDigest = new Map<string, StoredKey>()
  /** Keys that are revoked here and may not be in the store. */
  readonly #unwritten = new Set<string>()

  constructor(store: RegistryStore, { randomBytes, clock }: RegistryOptions) {
    this.#store = store
    this.#randomBytes = randomBytes
    this.#clock = clock
  }

  workspace({ name }: StoredWorkspace): void {
    this.#names.add(name)
  }

  key(key: StoredKey): void {
    const before = this.#byId.get(key.id)
    // Revoked is revoked: a record that was on its way meanwhile brings nothing back.
    if (before && (before.digest !== key.digest || (before.revokedAtMs !== null && key.revokedAtMs === null))) return
    this.#byId.set(key.id, key)
    const same = this.#byDigest.get(key.digest)
    if (same && same.id !== key.id && same.revokedAtMs === null) return
    // A given secret may have had another key before or beside this one: the one that lives counts.
    const living = key.revokedAtMs === null ? key : this.#keysOfDigest(key.digest).find(({ revokedAtMs }) => revokedAtMs === null)
    this.#byDigest.set(key.digest, living ?? key)
  }

  authenticate(secret: string): Principal | undefined {
    if (isMistypedSecret(secret)) return undefined
    const digest = this.#digest(secret)
    const key = this.#byDigest.get(digest.toString('hex'))
    if (!key || key.revokedAtMs !== null || !timingSafeEqual(digest, Buffer.from(key.digest, 'hex'))) return undefined
    return { workspace: key.workspace, kind: key.kind, keyId: key.id }
  }

  exists(workspace: string): boolean {
    return this.#names.has(workspace)
  }

  names(): string[] {
    return [...this.#names].sort()
  }

  async create(workspace: string): Promise<boolean> {
    workspaceName.parse(workspace)
    if (this.exists(workspace)) return false
    return this.#store.addWorkspace({ name: workspace, createdAtMs: this.#clock.nowMs() })
  }

  createKey(workspace: string, kind: KeyKind, fixedSecret?: string): Promise<{ info: KeyInfo; secret: string }> {
    return this.#make(workspace, kind, fixedSecret, 'made')
  }

  listKeys(workspace?: string): KeyInfo[] {
    const keys = [...this.#byId.values()].filter((key) => workspace === undefined || key.workspace === workspace)
    return keys.sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1)).map(infoOf)
  }

  async revokeKey(keyId: string): Promise<boolean> {
    const key = this.#byId.get(keyId)
    if (!key || (key.revokedAtMs !== null && !this.#unwritten.has(keyId))) return false
    const revoked: StoredKey = { ...key, revokedAtMs: key.revokedAtMs ?? this.#clock.nowMs() }
    // In memory first: it stops now, even if the store is slow.
    this.key(revoked)
    try {
      await this.#store.putKey(revoked)
    } catch (error) {
      this.#unwritten.add(keyId) // who asks again must not hear that all is done
      throw error
    }
    this.#unwritten.delete(keyId)
    return true
  }

  hashingSecret(workspace: string): Uint8Array {
    const secret = this.#store.hashingSecret(workspace)
    if (!secret) throw new Error(`there is no workspace ${workspace}`)
    return secret
  }

  async close(): Promise<void> {
    await this.#store.close()
  }

  /**
   * Makes the fixed key of the configuration in place of the one of the first start and of an earlier fixed one, or a new
   * key where there never was one of the kind, or where a fixed one went and left none.
   */
  async settleKeys(kind: KeyKind, fixed: string | undefined): Promise<void> {
    const digest = fixed === undefined ? undefined : this.#digest(fixed).toString('hex')
    const before = this.#defaultKeys(kind)
    let isLeft = before.length === 0
    for (const key of before) {
      if (key.revokedAtMs !== null || key.digest === digest) continue
      if (key.origin === 'fixed' || (key.origin === 'start' && fixed !== undefined)) {
        await this.revokeKey(key.id)
        isLeft ||= key.origin === 'fixed'
      }
    }
    if (fixed !== undefined) {
      const stands = before.some((key) => key.digest === digest && key.revokedAtMs === null)
      if (!stands) await this.#make(DEFAULT_WORKSPACE, kind, fixed, 'fixed')
      // Who revoked the last key of a kind does not want another; who took a fixed one away does.
    } else if (isLeft && !this.#defaultKeys(kind).some(({ revokedAtMs }) => revokedAtMs === null)) {
      await this.#makeStartKey(kind)
    }
  }

  /** Adds a fixed key, unless it is there or was revoked. */
  async addFixedKey(kind: KeyKind, fixed: string): Promise<void> {
    const digest = this.#digest(fixed).toString('hex')
    if (!this.#keysOfDigest(digest).some((key) => isDefaultKey(key, kind))) await this.#make(DEFAULT_WORKSPACE, kind, fixed, 'fixed')
  }

  async #makeStartKey(kind: KeyKind): Promise<void> {
    const { info, secret } = await this.#make(DEFAULT_WORKSPACE, kind, undefined, 'start')
    const first = this.#defaultKeys(kind).find(({ revokedAtMs }) => revokedAtMs === null)
    // Somebody else made one at the same time, and has shown it.
    if (first && first.id !== info.id) await this.revokeKey(info.id)
    else this.newSecrets.push({ kind, secret })
  }

  async #make(
    workspace: string,
    kind: KeyKind,
    given: string | undefined,
    origin: StoredKey['origin'],
  ): Promise<{ info: KeyInfo; secret: string }> {
    if (!this.exists(workspace)) throw new Error(`there is no workspace ${workspace}`)
    const made = given === undefined ? makeSecret(kind, this.#randomBytes) : undefined
    const secret = made?.secret ?? given ?? ''
    const digest = this.#digest(secret).toString('hex')
    const same = this.#byDigest.get(digest)
    if (same && same.revokedAtMs === null)
      throw new Error(`this secret is already that of key ${same.id} (${same.kind} of ${same.workspace})`)
    const id = made?.id ?? idOfGiven(workspace, kind, digest, this.#keysOfDigest(digest).length)
    // Of a fixed secret next to nothing is shown: it may be short.
    const prefix = made ? secret.split('_').slice(0, 3).join('_') : `${secret.slice(0, FIXED_PREFIX_LENGTH)}...`
    const key: StoredKey = { id, workspace, kind, prefix, createdAtMs: this.#clock.nowMs(), revokedAtMs: null, digest, origin }
    await this.#store.putKey(key)
    return { info: infoOf(key), secret }
  }

  #defaultKeys(kind: KeyKind): StoredKey[] {
    return [...this.#byId.values()].filter((key) => isDefaultKey(key, kind))
  }

  #keysOfDigest(digest: string): StoredKey[] {
    return [...this.#byId.values()].filter((key) => key.digest === digest)
  }

  #digest(secret: string): Buffer {
    return createHmac('sha256', this.#store.keySecret).update(secret).digest()
  }
}

/** The id of a secret's key, after `earlier` ones that were revoked: two who add the same secret at once write the same key. */
function idOfGiven(workspace: string, kind: KeyKind, digest: string, earlier: number): string {
  const info = `kappa/key-id/v1/${workspace}/${kind}/${earlier}`
  return randomBase62(KEY_ID_LENGTH, (length) => new Uint8Array(hkdfSync('sha256', Buffer.from(digest, 'hex'), '', info, length)))
}

function isDefaultKey(key: StoredKey | undefined, kind: KeyKind): boolean {
  return key !== undefined && key.workspace === DEFAULT_WORKSPACE && key.kind === kind
}

function infoOf({ id, workspace, kind, prefix, createdAtMs, revokedAtMs }: StoredKey): KeyInfo {
  return { id, workspace, kind, prefix, createdAtMs, revokedAtMs }
}
