/**
 * A message of an SDK in the words of Segment's spec, whichever SDK sent it, and how its parts are read. Senders are
 * anybody: a part of the wrong type is as good as absent, never an error.
 */
import { createHash } from 'node:crypto'
import { EVENT_ID_LENGTH_MAX } from '../../schemas/events.ts'
import type { TrackedKind } from '../../schemas/tracked-events.ts'

type Fields = Readonly<Record<string, unknown>>

export interface SdkMessage {
  readonly kind: TrackedKind
  /** Name of the event, page or screen; ''. */
  readonly name: string
  readonly messageId: string | undefined
  readonly userId: string | undefined
  readonly anonymousId: string | undefined
  readonly previousId: string | undefined
  readonly groupId: string | undefined
  /** Epoch ms, the client's clock corrected; undefined: at receipt. */
  readonly occurredAtMs: number | undefined
  /** Properties of track, page and screen; traits of identify and group. */
  readonly properties: Fields
  readonly traits: Fields
  readonly context: Fields
}

/** A message, or a value that is none. */
export type SdkItem = SdkMessage | { readonly unreadable: unknown }

const NO_FIELDS: Fields = Object.freeze({})

/** The value when it is an object, no array; otherwise an empty one. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : NO_FIELDS
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Text of a string or number, trimmed and storable (no NUL, no lone surrogates); undefined for anything else and ''. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined
  if (typeof value !== 'string') return undefined
  return value.replaceAll('\u0000', '').toWellFormed().trim() || undefined
}

/** Text cut to `most` characters. */
export function clippedText(value: unknown, most: number): string | undefined {
  const text = textOf(value)
  return text === undefined || text.length <= most ? text : text.slice(0, most).toWellFormed()
}

/** The message's own id as an event id: one that is too long by its hash, so that a retry still is the same event. */
export function eventIdOfMessage(messageId: string | undefined): string | undefined {
  if (messageId === undefined || messageId.length <= EVENT_ID_LENGTH_MAX) return messageId
  return `sha256-${createHash('sha256').update(messageId).digest('base64url')}`
}

const WITHOUT_ZONE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/

/** Epoch ms of an instant as SDKs write it: ISO 8601 (UTC when it names no zone) or epoch ms; undefined when it is none. */
export function instantOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && Math.abs(value) <= 8.64e15 ? Math.trunc(value) : undefined
  if (typeof value !== 'string') return undefined
  const ms = Date.parse(WITHOUT_ZONE.test(value) ? `${value.replace(' ', 'T')}Z` : value)
  return Number.isNaN(ms) ? undefined : ms
}

/**
 * When it happened by the server's clock, as Segment does it: receivedAt - (sentAt - originalTimestamp). Without a
 * `sentAt` the client's clock is taken as it is; without an instant undefined.
 */
export function correctedInstant(receivedAtMs: number, originalTimestamp: unknown, sentAt: unknown): number | undefined {
  const originalMs = instantOf(originalTimestamp)
  const sentMs = instantOf(sentAt)
  if (originalMs === undefined) return undefined
  return sentMs === undefined ? originalMs : receivedAtMs - (sentMs - originalMs)
}
