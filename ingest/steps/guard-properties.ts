/**
 * Free data before it is stored: at most 32 KB and 8 levels, no `__proto__` or `constructor` keys, no numbers that JSON
 * can't hold; what looks like personal data is hashed or dropped.
 */
import { PROPERTIES_BYTES_MAX, PROPERTIES_DEPTH_MAX } from '../../schemas/events.ts'
import { type EventFault, eventFault } from '../event-fault.ts'
import type { PersonalDataHasher } from '../personal-data.ts'
import { keyVerdict, looksPersonal, replaceEmails } from '../personal-patterns.ts'

export type GuardedProperties = { readonly properties: Record<string, unknown> } | { readonly fault: EventFault }

/** Names that would reach into prototypes. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor'])

/** Thrown inside of this file only, to leave the recursion. */
class PropertiesFault extends Error {
  readonly fault: EventFault
  constructor(fault: EventFault) {
    super(fault.message)
    this.fault = fault
  }
}

function guardText(text: string, hasher: PersonalDataHasher): string {
  const kind = looksPersonal(text)
  if (kind === 'ip') return hasher.ip(text) ?? hasher.hash('property', text)
  if (kind === 'phone') return hasher.phone(text) ?? hasher.hash('property', text)
  return replaceEmails(text.toWellFormed(), (address) => hasher.email(address.replace(/%40/, '@')).email_hash)
}

/** Hash of the value of a telling key: by what the value is, so that equal addresses are equal wherever they stand. */
function hashTelling(text: string, hasher: PersonalDataHasher): string {
  if (text.includes('@')) return hasher.email(text).email_hash
  return hasher.ip(text) ?? hasher.hash('property', text.trim().toLowerCase())
}

function guard(value: unknown, path: string, level: number, hasher: PersonalDataHasher): unknown {
  if (typeof value === 'string') return guardText(value, hasher)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new PropertiesFault(eventFault('field_invalid', path, 'The number is too large for JSON.'))
    return value
  }
  if (typeof value !== 'object' || value === null) return value
  if (level > PROPERTIES_DEPTH_MAX) throw new PropertiesFault(eventFault('properties_too_deep', 'properties'))
  if (Array.isArray(value)) return value.map((inner: unknown, i) => guard(inner, `${path}.${i}`, level + 1, hasher))
  const guarded: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value)) {
    const innerPath = `${path}.${key}`
    if (FORBIDDEN_KEYS.has(key))
      throw new PropertiesFault(eventFault('field_unknown', innerPath, 'Keys named __proto__ or constructor are refused.'))
    const verdict = keyVerdict(key)
    if (verdict === 'keep' || inner === null || typeof inner === 'boolean') {
      guarded[guardText(key, hasher)] = guard(inner, innerPath, level + 1, hasher)
    } else if (verdict === 'hash' && (typeof inner === 'string' || typeof inner === 'number')) {
      guarded[guardText(key, hasher)] = hashTelling(String(inner), hasher)
    }
    // Everything else under a telling key is dropped: a list or a tree of addresses has no hash to compare.
  }
  return guarded
}

/** Depth of properties themselves is level 1. The value was parsed from text of bounded depth. */
export function guardProperties(properties: Record<string, unknown>, hasher: PersonalDataHasher): GuardedProperties {
  try {
    const guarded = guard(properties, 'properties', 1, hasher) as Record<string, unknown>
    // Measured as it came, which is what the sender can count.
    if (Buffer.byteLength(JSON.stringify(properties)) > PROPERTIES_BYTES_MAX)
      return { fault: eventFault('properties_too_large', 'properties') }
    return { properties: guarded }
  } catch (error) {
    if (error instanceof PropertiesFault) return { fault: error.fault }
    throw error
  }
}
