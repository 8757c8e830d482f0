/** Workspaces and their keys. Drivers: `ingest/keys/lmdb-registry.ts` (one process), `ingest/keys/log-registry.ts` (shared). */
import type { KeyKind } from '../config.ts'

/** What a valid key stands for. Nothing below the HTTP layer acts without one. */
export interface Principal {
  readonly workspace: string
  readonly kind: KeyKind
  readonly keyId: string
}

export interface KeyInfo {
  readonly id: string
  readonly workspace: string
  readonly kind: KeyKind
  /** First characters of the secret, to recognise it by. */
  readonly prefix: string
  readonly createdAtMs: number
  readonly revokedAtMs: number | null
}

export interface Workspaces {
  /** The principal of a secret, compared by keyed digest; undefined for an unknown or revoked one. */
  authenticate(secret: string): Principal | undefined
  exists(workspace: string): boolean
  names(): string[]
  /** Makes the workspace with its hashing secret; returns false when it was there. */
  create(workspace: string): Promise<boolean>
  /** Makes a key and returns its secret, which is shown this once. */
  createKey(workspace: string, kind: KeyKind, fixedSecret?: string): Promise<{ info: KeyInfo; secret: string }>
  listKeys(workspace?: string): KeyInfo[]
  revokeKey(keyId: string): Promise<boolean>
  /** Secret of the workspace under which personal data is hashed. */
  hashingSecret(workspace: string): Uint8Array
}
