/**
 * What instances on different machines must agree on, from the one secret that they share: HKDF-SHA256 (RFC 5869) with
 * a label for each use. None of the results tells the secret or another of them. The labels are fixed for good: with
 * another one every key is void, and hashes of the same person differ.
 */
import { hkdfSync } from 'node:crypto'

const SECRET_BYTES = 32
const KEY_DIGESTS = 'kappa/key-digests/v1'
const PERSONAL_DATA = 'kappa/personal-data/v1/'

/** Secret under which the secrets of keys are digested, 32 bytes. */
export function keyDigestSecret(secret: string): Uint8Array {
  return derive(secret, KEY_DIGESTS)
}

/** Secret under which personal data of a workspace is hashed, 32 bytes. */
export function personalDataSecret(secret: string, workspace: string): Uint8Array {
  return derive(secret, PERSONAL_DATA + workspace)
}

function derive(secret: string, label: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', label, SECRET_BYTES))
}
