/** Where a registry keeps workspaces and keys. Stores: `lmdb-registry.ts` (one process), `log-registry.ts` (shared by many). */
import type { KeyInfo } from '../../schemas/ports/workspaces.ts'

export interface StoredWorkspace {
  readonly name: string
  readonly createdAtMs: number
}

export interface StoredKey extends KeyInfo {
  /** HMAC-SHA256 of the secret under `keySecret`, hex. */
  readonly digest: string
  /** `start`: made at the first start; `fixed`: from the configuration, gone when that no longer says so; `made`: by somebody. */
  readonly origin: 'start' | 'fixed' | 'made'
}

/** Told of every workspace and key, whoever wrote it; of the same one again when it changed or was written twice. */
export interface StoreListener {
  workspace(workspace: StoredWorkspace): void
  key(key: StoredKey): void
}

export interface RegistryStore {
  /** Secret under which the secrets of keys are digested. */
  readonly keySecret: Uint8Array
  /** Tells everything that is there before it resolves, and from then on what is added. Once, before all else. */
  follow(listener: StoreListener): Promise<void>
  /** Keeps the workspace; the listener knows it when this resolves. False when somebody else was first to make it. */
  addWorkspace(workspace: StoredWorkspace): Promise<boolean>
  /** Keeps the key in place of what its id stood for; the listener knows it when this resolves. */
  putKey(key: StoredKey): Promise<void>
  /** Secret under which personal data of a workspace is hashed, 32 bytes; undefined for one that is not there. */
  hashingSecret(workspace: string): Uint8Array | undefined
  close(): Promise<void>
}
