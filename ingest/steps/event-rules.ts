/**
 * What each type of event may have, as plain data, read from the JSON Schema that zod gives of the event union: there is
 * one definition. Both fast ways in stand on it, that of a parsed value (`quick-validator.ts`) and that of bytes
 * (`event-scanner.ts`). A field whose rule is not understood here has none, and is left to zod.
 */
import { z } from 'zod'
import { incomingEvent } from '../../schemas/events.ts'

/** What a field may hold. Lengths are in UTF-16 code units, which are at least as many as the code points that zod counts. */
export type FieldRule =
  | { readonly kind: 'const'; readonly value: unknown }
  | { readonly kind: 'enum'; readonly values: readonly unknown[] }
  /** RFC 3339 or epoch ms. */
  | { readonly kind: 'instant' }
  | { readonly kind: 'text'; readonly least: number; readonly most: number; readonly lowerCase: boolean }
  | { readonly kind: 'pattern'; readonly pattern: RegExp }
  | { readonly kind: 'number'; readonly isInteger: boolean; readonly least: number; readonly most: number; readonly above: number }
  /** An object of anything. */
  | { readonly kind: 'free' }
  | { readonly kind: 'object'; readonly rules: ObjectRules }

export interface ObjectRules {
  readonly fields: ReadonlyMap<string, FieldRule>
  readonly required: readonly string[]
}

const schemaNode = z.looseObject({
  type: z.string().optional(),
  const: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  pattern: z.string().optional(),
  format: z.string().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: z.unknown().optional(),
})
type SchemaNode = z.infer<typeof schemaNode>

function ruleOf(name: string, definition: unknown): FieldRule | undefined {
  const node: SchemaNode = schemaNode.parse(definition)
  if (node.const !== undefined) return { kind: 'const', value: node.const }
  if (node.enum) return { kind: 'enum', values: node.enum }
  if (name === 'occurred_at' || name === 'sent_at') return { kind: 'instant' }
  if (node.type === 'string' && node.pattern === undefined && node.format === undefined && node.maxLength !== undefined) {
    // zod lower-cases the channel: only one that is so already passes unchanged.
    return { kind: 'text', least: node.minLength ?? 0, most: node.maxLength, lowerCase: name === 'channel' }
  }
  if (node.type === 'string' && node.pattern !== undefined && node.minLength === undefined && node.maxLength === undefined) {
    return { kind: 'pattern', pattern: new RegExp(node.pattern) }
  }
  if (node.type === 'number' || node.type === 'integer') {
    const { type, minimum: least = -Infinity, maximum: most = Infinity, exclusiveMinimum: above = -Infinity } = node
    return { kind: 'number', isInteger: type === 'integer', least, most, above }
  }
  if (node.type === 'object' && !node.properties && node.additionalProperties !== false) return { kind: 'free' }
  if (node.type === 'object') {
    const rules = rulesOf(node)
    return rules && { kind: 'object', rules }
  }
  return undefined
}

function rulesOf(node: SchemaNode): ObjectRules | undefined {
  if (!node.properties || node.additionalProperties !== false) return undefined
  const fields = new Map<string, FieldRule>()
  for (const [name, definition] of Object.entries(node.properties)) {
    const rule = ruleOf(name, definition)
    if (rule) fields.set(name, rule)
  }
  return { fields, required: node.required ?? [] }
}

function rulesByType(): Map<string, ObjectRules> {
  const byType = new Map<string, ObjectRules>()
  for (const part of incomingEvent.options) {
    const rules = rulesOf(schemaNode.parse(z.toJSONSchema(part, { io: 'input' })))
    const type = rules?.fields.get('type')
    if (rules && type?.kind === 'const' && typeof type.value === 'string') byType.set(type.value, rules)
  }
  return byType
}

/** The rules of each type of event. Beside them stands one over two fields: an `amount_minor` needs a `currency`. */
export const EVENT_RULES: ReadonlyMap<string, ObjectRules> = rulesByType()
