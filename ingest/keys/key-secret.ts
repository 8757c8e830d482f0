/**
 * Secrets of keys: `kappa_KIND_ID_RANDOM_CHECKSUM`. The random part has 190 bits; the checksum lets scanners of leaked
 * secrets, and us, tell a key from a typing error without a look-up.
 */
import { crc32 } from 'node:zlib'
import type { KeyKind } from '../../schemas/config.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const ID_LENGTH = 10
/** 32 base62 characters: 190 bits. */
const RANDOM_LENGTH = 32
const CHECKSUM_LENGTH = 6

/** Uniform base62 text: bytes that would favour the first characters are thrown away. */
export function randomBase62(length: number, randomBytes: (length: number) => Uint8Array): string {
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length * 2)) if (byte < 248 && text.length < length) text += ALPHABET[byte % 62]
  }
  return text
}

function checksum(text: string): string {
  let rest = crc32(text)
  let digits = ''
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = ALPHABET[rest % 62] + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

/** A new secret and the id in it. */
export function makeSecret(kind: KeyKind, randomBytes: (length: number) => Uint8Array): { readonly id: string; readonly secret: string } {
  const id = randomBase62(ID_LENGTH, randomBytes)
  const body = `kappa_${kind}_${id}_${randomBase62(RANDOM_LENGTH, randomBytes)}`
  return { id, secret: `${body}_${checksum(body)}` }
}

/** Whether text has the form of one of our secrets but a wrong checksum. Fixed keys have no form. */
export function isMistypedSecret(text: string): boolean {
  const match = /^(kappa_(?:write|server|read|admin)_[0-9A-Za-z]{10}_[0-9A-Za-z]{32})_([0-9A-Za-z]{6})$/.exec(text)
  return match !== null && checksum(match[1] ?? '') !== match[2]
}
