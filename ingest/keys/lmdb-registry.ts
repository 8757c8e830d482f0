/** Workspaces and keys of one process, on an LMDB environment of their own, with the secrets that digests are made under. */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { RegistryStore, StoredKey, StoredWorkspace, StoreListener } from './registry-store.ts'
import { openRegistry, type RegistryOptions, type WorkspaceRegistry } from './workspace-registry.ts'

export interface LmdbRegistryOptions extends RegistryOptions {
  /** Folder of the registry; made with mode 0700, its files 0600. */
  readonly path: string
}

interface WorkspaceRow {
  /** Base64. */
  readonly hashingSecret: string
  readonly createdAtMs: number
}

const SECRET_BYTES = 32

/** Opens or makes the registry; the first start makes the workspace `default` and a key of each kind. */
export async function openLmdbRegistry(options: LmdbRegistryOptions): Promise<WorkspaceRegistry> {
  const { path, randomBytes } = options
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(path, 0o700)
  const registry = await openRegistry(await LmdbStore.open(path, randomBytes), { ...options, makesStartKeys: true })
  // The installation secret is in these files: the owner alone reads them, whatever the umask.
  for (const name of ['data.mdb', 'lock.mdb']) await chmod(join(path, name), 0o600)
  return registry
}

class LmdbStore implements RegistryStore {
  readonly keySecret: Uint8Array
  readonly #root: RootDatabase<WorkspaceRow, string>
  readonly #workspaces: Database<WorkspaceRow, string>
  readonly #keys: Database<StoredKey, string>
  readonly #randomBytes: (length: number) => Uint8Array
  readonly #hashingSecrets = new Map<string, Uint8Array>()
  #listener: StoreListener | undefined

  static async open(path: string, randomBytes: (length: number) => Uint8Array): Promise<LmdbStore> {
    const root = open<WorkspaceRow, string>({ path, noSubdir: false, encoding: 'json', overlappingSync: false, eventTurnBatching: false })
    const installation = root.openDB<string, string>({ name: 'installation', encoding: 'json' })
    let secret = installation.get('key-secret')
    if (secret === undefined) {
      secret = Buffer.from(randomBytes(SECRET_BYTES)).toString('base64')
      await installation.put('key-secret', secret)
    }
    return new LmdbStore(root, Buffer.from(secret, 'base64'), randomBytes)
  }

  constructor(root: RootDatabase<WorkspaceRow, string>, keySecret: Uint8Array, randomBytes: (length: number) => Uint8Array) {
    this.keySecret = keySecret
    this.#root = root
    this.#workspaces = root.openDB({ name: 'workspaces', encoding: 'json' })
    this.#keys = root.openDB({ name: 'keys', encoding: 'json' })
    this.#randomBytes = randomBytes
  }

  async follow(listener: StoreListener): Promise<void> {
    this.#listener = listener
    for (const { key: name, value } of this.#workspaces.getRange()) {
      this.#hashingSecrets.set(name, Buffer.from(value.hashingSecret, 'base64'))
      listener.workspace({ name, createdAtMs: value.createdAtMs })
    }
    for (const { value } of this.#keys.getRange()) listener.key(value)
  }

  async addWorkspace({ name, createdAtMs }: StoredWorkspace): Promise<boolean> {
    const secret = Buffer.from(this.#randomBytes(SECRET_BYTES))
    // In memory before it is on disk: a second call of the same moment must not make another secret.
    this.#hashingSecrets.set(name, secret)
    this.#listener?.workspace({ name, createdAtMs })
    await this.#workspaces.put(name, { hashingSecret: secret.toString('base64'), createdAtMs })
    return true
  }

  async putKey(key: StoredKey): Promise<void> {
    await this.#keys.put(key.id, key)
    this.#listener?.key(key)
  }

  hashingSecret(workspace: string): Uint8Array | undefined {
    return this.#hashingSecrets.get(workspace)
  }

  async close(): Promise<void> {
    await this.#root.close()
  }
}
