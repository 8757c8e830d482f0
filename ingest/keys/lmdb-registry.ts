/**
 * Workspaces and keys on an LMDB environment of their own. Secrets of keys are kept as HMAC-SHA256 under an installation
 * secret only; the look-up is by that digest, so its timing tells nothing of the secret.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { DEFAULT_WORKSPACE, KEY_KINDS, type KeyKind, workspaceName } from '../../schemas/config.ts'
import type { Clock } from '../../schemas/ports/clock.ts'
import type { KeyInfo, Principal, Workspaces } from '../../schemas/ports/workspaces.ts'
import { isMistypedSecret, makeSecret, randomBase62 } from './key-secret.ts'

export interface WorkspaceRegistryOptions {
  /** Folder of the registry; made with mode 0700, its files 0600. */
  readonly path: string
  readonly randomBytes: (length: number) => Uint8Array
  readonly clock: Clock
  /** Keys that replace the default workspace's own. */
  readonly fixedKeys?: { readonly [Kind in KeyKind]?: string | undefined }
}

export interface WorkspaceRegistry extends Workspaces {
  /** Secrets that were made at this open, to be shown once; empty but at the first start. Fixed keys are not in it. */
  readonly newSecrets: readonly { readonly kind: KeyKind; readonly secret: string }[]
  close(): Promise<void>
}

interface StoredKey extends KeyInfo {
  /** HMAC-SHA256 of the secret, hex. */
  readonly digest: string
  /** `start`: made at the first start; `fixed`: from the configuration, gone when that no longer says so; `made`: by somebody. */
  readonly origin: 'start' | 'fixed' | 'made'
}

interface StoredWorkspace {
  readonly hashingSecret: string
  readonly createdAtMs: number
}

const SECRET_BYTES = 32
const FIXED_PREFIX_LENGTH = 4

/** Opens or makes the registry; the first start makes the workspace `default` and a key of each kind. */
export async function openWorkspaceRegistry(options: WorkspaceRegistryOptions): Promise<WorkspaceRegistry> {
  const { path, fixedKeys = {} } = options
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
  const root = open<StoredWorkspace, string>({ path, noSubdir: false, encoding: 'json', overlappingSync: false, eventTurnBatching: false })
  const registry = new LmdbRegistry(root, options)
  await registry.start(fixedKeys)
  // The installation secret is in these files: the owner alone reads them, whatever the umask.
  for (const name of ['data.mdb', 'lock.mdb']) await chmod(join(path, name), 0o600)
  return registry
}

class LmdbRegistry implements WorkspaceRegistry {
  readonly newSecrets: { kind: KeyKind; secret: string }[] = []
  readonly #root: RootDatabase<StoredWorkspace, string>
  readonly #workspaces: Database<StoredWorkspace, string>
  readonly #keys: Database<StoredKey, string>
  readonly #installation: Database<string, string>
  readonly #randomBytes: (length: number) => Uint8Array
  readonly #clock: Clock
  #secret: Buffer = Buffer.alloc(0)
  readonly #byDigest = new Map<string, StoredKey>()
  readonly #byId = new Map<string, StoredKey>()
  readonly #hashingSecrets = new Map<string, Uint8Array>()

  constructor(root: RootDatabase<StoredWorkspace, string>, { randomBytes, clock }: WorkspaceRegistryOptions) {
    this.#root = root
    this.#workspaces = root.openDB({ name: 'workspaces', encoding: 'json' })
    this.#keys = root.openDB({ name: 'keys', encoding: 'json' })
    this.#installation = root.openDB({ name: 'installation', encoding: 'json' })
    this.#randomBytes = randomBytes
    this.#clock = clock
  }

  /** Loads everything, and makes what a first start needs. */
  async start(fixedKeys: NonNullable<WorkspaceRegistryOptions['fixedKeys']>): Promise<void> {
    let secret = this.#installation.get('key-secret')
    if (secret === undefined) {
      secret = Buffer.from(this.#randomBytes(SECRET_BYTES)).toString('base64')
      await this.#installation.put('key-secret', secret)
    }
    this.#secret = Buffer.from(secret, 'base64')
    for (const { key, value } of this.#workspaces.getRange()) this.#hashingSecrets.set(key, Buffer.from(value.hashingSecret, 'base64'))
    for (const { value } of this.#keys.getRange()) this.#remember(value)

    const first = await this.create(DEFAULT_WORKSPACE)
    for (const kind of KEY_KINDS) {
      const fixed = fixedKeys[kind]
      const fixedIsGone = await this.#settleFixedKey(kind, fixed)
      // Who revoked the last key of a kind does not want another; who took a fixed one away does.
      const usable = this.listKeys(DEFAULT_WORKSPACE).some((key) => key.kind === kind && key.revokedAtMs === null)
      if (fixed === undefined && (first || (fixedIsGone && !usable))) {
        const { secret: made } = await this.#make(DEFAULT_WORKSPACE, kind, undefined, 'start')
        this.newSecrets.push({ kind, secret: made })
      }
    }
  }

  authenticate(secret: string): Principal | undefined {
    if (isMistypedSecret(secret)) return undefined
    const digest = this.#digest(secret)
    const key = this.#byDigest.get(digest.toString('hex'))
    if (!key || key.revokedAtMs !== null || !timingSafeEqual(digest, Buffer.from(key.digest, 'hex'))) return undefined
    return { workspace: key.workspace, kind: key.kind, keyId: key.id }
  }

  exists(workspace: string): boolean {
    return this.#hashingSecrets.has(workspace)
  }

  names(): string[] {
    return [...this.#hashingSecrets.keys()].sort()
  }

  async create(workspace: string): Promise<boolean> {
    workspaceName.parse(workspace)
    if (this.#hashingSecrets.has(workspace)) return false
    const secret = Buffer.from(this.#randomBytes(SECRET_BYTES))
    this.#hashingSecrets.set(workspace, secret)
    await this.#workspaces.put(workspace, { hashingSecret: secret.toString('base64'), createdAtMs: this.#clock.nowMs() })
    return true
  }

  createKey(workspace: string, kind: KeyKind, fixedSecret?: string): Promise<{ info: KeyInfo; secret: string }> {
    return this.#make(workspace, kind, fixedSecret, 'made')
  }

  async #make(
    workspace: string,
    kind: KeyKind,
    fixedSecret: string | undefined,
    origin: StoredKey['origin'],
  ): Promise<{ info: KeyInfo; secret: string }> {
    if (!this.exists(workspace)) throw new Error(`there is no workspace ${workspace}`)
    const { id, secret } =
      fixedSecret === undefined ? makeSecret(kind, this.#randomBytes) : { id: randomBase62(10, this.#randomBytes), secret: fixedSecret }
    const digest = this.#digest(secret).toString('hex')
    const same = this.#byDigest.get(digest)
    if (same && same.revokedAtMs === null)
      throw new Error(`this secret is already that of key ${same.id} (${same.kind} of ${same.workspace})`)
    // Of a fixed secret next to nothing is shown: it may be short.
    const prefix = fixedSecret === undefined ? secret.split('_').slice(0, 3).join('_') : `${secret.slice(0, FIXED_PREFIX_LENGTH)}...`
    const key: StoredKey = { id, workspace, kind, prefix, createdAtMs: this.#clock.nowMs(), revokedAtMs: null, digest, origin }
    await this.#keys.put(id, key)
    this.#remember(key)
    return { info: infoOf(key), secret }
  }

  listKeys(workspace?: string): KeyInfo[] {
    const keys = [...this.#byId.values()].filter((key) => workspace === undefined || key.workspace === workspace)
    return keys.sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1)).map(infoOf)
  }

  async revokeKey(keyId: string): Promise<boolean> {
    const key = this.#byId.get(keyId)
    if (!key || key.revokedAtMs !== null) return false
    const revoked: StoredKey = { ...key, revokedAtMs: this.#clock.nowMs() }
    // In memory first: it stops now, even if the disk is slow.
    this.#remember(revoked)
    await this.#keys.put(keyId, revoked)
    return true
  }

  hashingSecret(workspace: string): Uint8Array {
    const secret = this.#hashingSecrets.get(workspace)
    if (!secret) throw new Error(`there is no workspace ${workspace}`)
    return secret
  }

  async close(): Promise<void> {
    await this.#root.close()
  }

  /**
   * Makes the fixed key of the configuration in place of the one of the first start and of an earlier fixed one. Answers
   * whether a fixed key went because the configuration no longer has one.
   */
  async #settleFixedKey(kind: KeyKind, fixed: string | undefined): Promise<boolean> {
    const digest = fixed === undefined ? undefined : this.#digest(fixed).toString('hex')
    let gone = false
    for (const key of [...this.#byId.values()]) {
      if (key.workspace !== DEFAULT_WORKSPACE || key.kind !== kind || key.revokedAtMs !== null || key.digest === digest) continue
      if (key.origin === 'fixed' || (key.origin === 'start' && fixed !== undefined)) {
        await this.revokeKey(key.id)
        gone ||= key.origin === 'fixed' && fixed === undefined
      }
    }
    const standing = digest === undefined ? undefined : this.#byDigest.get(digest)
    const stands = standing && standing.revokedAtMs === null && standing.kind === kind && standing.workspace === DEFAULT_WORKSPACE
    if (fixed !== undefined && !stands) await this.#make(DEFAULT_WORKSPACE, kind, fixed, 'fixed')
    return gone
  }

  #digest(secret: string): Buffer {
    return createHmac('sha256', this.#secret).update(secret).digest()
  }

  #remember(key: StoredKey): void {
    this.#byId.set(key.id, key)
    const same = this.#byDigest.get(key.digest)
    // A fixed secret may have had another key before that was revoked: the one that lives counts.
    if (!same || same.id === key.id || same.revokedAtMs !== null) this.#byDigest.set(key.digest, key)
  }
}

function infoOf({ id, workspace, kind, prefix, createdAtMs, revokedAtMs }: StoredKey): KeyInfo {
  return { id, workspace, kind, prefix, createdAtMs, revokedAtMs }
}
