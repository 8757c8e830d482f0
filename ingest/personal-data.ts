/**
 * Keyed hashes in place of personal data: HMAC-SHA256 under the workspace's secret, by kind, cut to 128 bits. The same
 * person gives the same hash within a workspace and another one in the next; raw values go nowhere.
 */
import { createHmac } from 'node:crypto'
import ipaddr from 'ipaddr.js'

export type PersonalKind = 'ip' | 'device' | 'email' | 'phone' | 'property'

/** What is kept of an e-mail address. */
export interface HashedEmail {
  readonly email_hash: string
  readonly email_domain?: string
  readonly email_malformed?: true
}

const HASH_BYTES = 16
/** Local part without spaces or a second @, a dot in the domain: enough to tell an address from something else. */
const EMAIL = /^[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+)+$/u
const GMAIL = new Set(['gmail.com', 'googlemail.com'])
const PHONE_DIGITS_MIN = 5

/**
 * Canonical text of an address: unwrapped when IPv4-mapped, compressed when IPv6; undefined when it is none. Only the
 * dotted form is IPv4 here, because `ipaddr.js` also takes bare numbers.
 */
export function canonicalIp(text: string): string | undefined {
  const trimmed = text.trim().replace(/^\[|\]$/g, '')
  if (!trimmed.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(trimmed)) return undefined
  if (!ipaddr.isValid(trimmed)) return undefined
  const address = ipaddr.process(trimmed)
  if (address.kind() === 'ipv6' && 'zoneId' in address) delete address.zoneId
  return address.toString()
}

/**
 * The mailbox behind an address: trimmed, lower-case, without +tag, and for Gmail without dots (`googlemail.com` is
 * `gmail.com`); undefined when it is no address.
 */
export function canonicalEmail(text: string): { readonly address: string; readonly domain: string } | undefined {
  const plain = text.trim().toLowerCase()
  if (!EMAIL.test(plain)) return undefined
  const at = plain.lastIndexOf('@')
  const domain = plain.slice(at + 1)
  let local = plain.slice(0, at)
  const tag = local.indexOf('+')
  if (tag > 0) local = local.slice(0, tag)
  if (!GMAIL.has(domain)) return { address: `${local}@${domain}`, domain }
  return { address: `${local.replaceAll('.', '')}@gmail.com`, domain }
}

/** Digits of a phone number with its leading + (00 counts as one); undefined for fewer than 5 digits. */
export function canonicalPhone(text: string): string | undefined {
  const digits = text.replace(/\D/g, '')
  if (digits.length < PHONE_DIGITS_MIN) return undefined
  if (text.trim().startsWith('+')) return `+${digits}`
  return digits.startsWith('00') ? `+${digits.slice(2)}` : digits
}

export class PersonalDataHasher {
  readonly #secret: Uint8Array

  /** `secret`: the workspace's 32-byte hashing secret. */
  constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  /** 22 base64url characters. */
  hash(kind: PersonalKind, value: string): string {
    return createHmac('sha256', this.#secret).update(`${kind}\u0000${value}`).digest().subarray(0, HASH_BYTES).toString('base64url')
  }

  /** Undefined for text that is no address: hashing `unknown` would make one person of many. */
  ip(text: string): string | undefined {
    const address = canonicalIp(text)
    return address === undefined ? undefined : this.hash('ip', address)
  }

  device(id: string): string {
    return this.hash('device', id)
  }

  email(text: string): HashedEmail {
    const canonical = canonicalEmail(text)
    if (!canonical) return { email_hash: this.hash('email', text.trim().toLowerCase()), email_malformed: true }
    return { email_hash: this.hash('email', canonical.address), email_domain: canonical.domain }
  }

  phone(text: string): string | undefined {
    const canonical = canonicalPhone(text)
    return canonical === undefined ? undefined : this.hash('phone', canonical)
  }
}
