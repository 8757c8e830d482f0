/**
 * What the scanner of bytes has to know of each field: a number instead of its name, found by the bytes of the name, and
 * by type of event the rule that its value must keep. A field is plain when the record of the log has it as the event
 * does: one that is hashed (an address, a device) has none of its name there.
 */
import { eventRecord } from '../../schemas/log-records.ts'
import { equalsBytes, nextNameHash } from './byte-names.ts'
import { MONEY_FIELDS } from './key-scope.ts'
import { EVENT_RULES, type FieldRule, type ObjectRules } from './event-rules.ts'

/** How the bytes of a value are checked. */
export type PlainRule =
  | Exclude<FieldRule, { readonly kind: 'enum' | 'object' }>
  | { readonly kind: 'enum'; readonly values: readonly Buffer[] }
  /** Text in which addresses would be hashed. */
  | { readonly kind: 'link'; readonly least: number; readonly most: number }
  /** An object with nothing but the id of an actor. */
  | { readonly kind: 'recipient'; readonly most: number }

/** One type of event. */
export interface PlainType {
  /** By number of the field; undefined: left to the slow way. */
  readonly rules: readonly (PlainRule | undefined)[]
  /** Numbers of the fields that must be there. */
  readonly required: readonly number[]
}

/** Instants and the id stand at a place of their own in a record, and when it was sent not at all. */
const OWN_PLACE = ['event_id', 'occurred_at', 'sent_at'] as const
const LINKS = new Set(['url', 'page'])

const names: string[] = []

function numberOf(name: string): number {
  const known = names.indexOf(name)
  return known < 0 ? names.push(name) - 1 : known
}

export const EVENT_ID = numberOf('event_id')
export const OCCURRED_AT = numberOf('occurred_at')
export const SENT_AT = numberOf('sent_at')
export const TYPE = numberOf('type')
export const ACTOR_ID = numberOf('actor_id')
export const PROPERTIES = numberOf('properties')
export const KIND = numberOf('kind')
export const AMOUNT_MINOR = numberOf('amount_minor')
export const CURRENCY = numberOf('currency')
/** Fields that move money; with them a refund, which is a kind. */
export const MONEY = MONEY_FIELDS.map(numberOf)

function plainRule(name: string, rule: FieldRule): PlainRule | undefined {
  if (rule.kind === 'free' && name !== 'properties') return undefined
  if (rule.kind === 'object') {
    const actor = rule.rules.fields.get('actor_id')
    return name === 'recipient' && actor?.kind === 'text' ? { kind: 'recipient', most: actor.most } : undefined
  }
  if (rule.kind === 'text' && LINKS.has(name)) return { kind: 'link', least: rule.least, most: rule.most }
  if (rule.kind === 'enum') return { kind: 'enum', values: rule.values.map((value) => Buffer.from(String(value))) }
  return rule
}

function plainType(type: string, { fields, required }: ObjectRules): PlainType {
  const stored = eventRecord.options.find(({ shape }) => shape.type.value === type)
  const kept = new Set([...OWN_PLACE, ...Object.keys(stored?.shape ?? {})])
  const rules: (PlainRule | undefined)[] = []
  for (const [name, rule] of fields) rules[numberOf(name)] = kept.has(name) ? plainRule(name, rule) : undefined
  return { rules, required: required.map(numberOf) }
}

const types = [...EVENT_RULES].map(([type, rules]) => ({ name: Buffer.from(type), plain: plainType(type, rules) }))

/** How many fields there are. */
export const FIELDS = names.length

/** The type whose name stands from `start` to `end`. */
export function plainTypeAt(bytes: Buffer, start: number, end: number): PlainType | undefined {
  for (const { name, plain } of types) if (equalsBytes(bytes, start, end, name)) return plain
  return undefined
}

const SLOTS = 256
const slots = new Int16Array(SLOTS).fill(-1)
const encodedNames = names.map((name) => Buffer.from(name))
for (const [field, name] of encodedNames.entries()) {
  let slot = name.reduce(nextNameHash, 0) & (SLOTS - 1)
  while (slots[slot] !== -1) slot = (slot + 1) & (SLOTS - 1)
  slots[slot] = field
}

/** The field whose name stands from `start` to `end`, or -1; `hash` is that of the bytes. */
export function fieldAt(bytes: Buffer, start: number, end: number, hash: number): number {
  for (let slot = hash & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
    const field = slots[slot] ?? -1
    if (field < 0) return -1
    const name = encodedNames[field]
    if (name !== undefined && equalsBytes(bytes, start, end, name)) return field
  }
}
