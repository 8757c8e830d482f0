/**
 * What stands in the `events` topic: one JSON object a record. Instants are epoch milliseconds, personal data is
 * already hashed, and every record carries its workspace. The form is the same on the embedded log and on Kafka.
 */
import { z } from 'zod'
import { INVITE_ACTIONS } from './events.ts'
import { TRACKED_KINDS } from './tracked-events.ts'

/** Version of the record form; a reader refuses a version that it does not know. */
export const LOG_RECORD_VERSION = 1

const envelope = {
  v: z.literal(LOG_RECORD_VERSION),
  workspace: z.string().min(1),
  received_at: z.int(),
}

const stored = {
  ...envelope,
  event_id: z.string().min(1),
  occurred_at: z.int(),
  /** Set on events that an import brought: they are never late (METRICS "Time"). */
  import_id: z.string().optional(),
  /** An import of an event that was kept as late: the position of the row that it replaces. */
  supersedes: z.strictObject({ partition: z.int(), offset: z.int(), occurred_at: z.int() }).optional(),
  session_id: z.string().optional(),
  device_hash: z.string().optional(),
  ip_hash: z.string().optional(),
  user_agent: z.string().optional(),
  country: z.string().optional(),
  channel: z.string().optional(),
  campaign: z.string().optional(),
  variant: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
}

const shareRecord = z.strictObject({
  ...stored,
  type: z.literal('share'),
  actor_id: z.string(),
  content_id: z.string(),
  share_id: z.string().optional(),
  url: z.string().optional(),
  referral_code: z.string().optional(),
})

const inviteRecord = z.strictObject({
  ...stored,
  type: z.literal('invite'),
  actor_id: z.string(),
  action: z.enum(INVITE_ACTIONS),
  invite_id: z.string(),
  recipient: z
    .strictObject({
      actor_id: z.string().optional(),
      email_hash: z.string().optional(),
      email_domain: z.string().optional(),
      email_malformed: z.literal(true).optional(),
      phone_hash: z.string().optional(),
    })
    .optional(),
  referral_code: z.string().optional(),
})

const conversionRecord = z.strictObject({
  ...stored,
  type: z.literal('conversion'),
  actor_id: z.string(),
  kind: z.string(),
  invite_id: z.string().optional(),
  referral_code: z.string().optional(),
  share_id: z.string().optional(),
  referrer_id: z.string().optional(),
  amount_minor: z.int().optional(),
  currency: z.string().optional(),
  order_id: z.string().optional(),
  email_hash: z.string().optional(),
  email_domain: z.string().optional(),
  email_malformed: z.literal(true).optional(),
  payment_hash: z.string().optional(),
})

const rumRecord = z.strictObject({
  ...stored,
  type: z.literal('rum'),
  actor_id: z.string().optional(),
  name: z.string(),
  value: z.number(),
  page: z.string(),
  status: z.int().optional(),
  release: z.string().optional(),
  device: z.string().optional(),
  sample_rate: z.number().optional(),
})

/** A message of an SDK that is none of the events above: stored, counted nowhere, and no sign of life of its actor. */
const trackedRecord = z.strictObject({
  ...stored,
  type: z.literal('tracked'),
  actor_id: z.string().optional(),
  kind: z.enum(TRACKED_KINDS),
  name: z.string(),
  anonymous_id: z.string().optional(),
  previous_id: z.string().optional(),
  group_id: z.string().optional(),
})

/** Workspace of a tick that is of the whole partition: no workspace can have this name. */
export const EVERY_WORKSPACE = '*'

/** Time goes on although nothing happens: the watermark reads `received_at`. */
const tickRecord = z.strictObject({ ...envelope, type: z.literal('tick') })
/** An import has sent its last row. Written to every partition; what the import touched is rebuilt then. */
const importEndRecord = z.strictObject({ ...envelope, type: z.literal('import_end'), import_id: z.string() })

/**
 * The workspace's derived numbers are to be built anew from its raw events, and to take the place of the ones that stand.
 * Written to every partition. `from`: only window ends from this instant on are replaced.
 */
const replayRecord = z.strictObject({ ...envelope, type: z.literal('replay'), replay_id: z.string().min(1), from: z.int().optional() })

/** An event that failed validation, kept with its reason; personal fields of `body` are redacted. */
const quarantinedRecord = z.strictObject({
  ...envelope,
  type: z.literal('quarantined'),
  quarantine_id: z.string(),
  event_id: z.string().optional(),
  code: z.string(),
  path: z.string(),
  message: z.string(),
  body: z.string(),
  import_id: z.string().optional(),
})

/** What became of a quarantined event: it was taken after all (its event stands beside this record), or given up. */
export const SETTLEMENTS = ['retried', 'discarded'] as const
export type Settlement = (typeof SETTLEMENTS)[number]
const quarantineSettledRecord = z.strictObject({
  ...envelope,
  type: z.literal('quarantine_settled'),
  quarantine_id: z.string().min(1),
  outcome: z.enum(SETTLEMENTS),
})

export const eventRecord = z.discriminatedUnion('type', [shareRecord, inviteRecord, conversionRecord, rumRecord, trackedRecord])
export const logRecord = z.discriminatedUnion('type', [
  shareRecord,
  inviteRecord,
  conversionRecord,
  rumRecord,
  trackedRecord,
  quarantinedRecord,
  tickRecord,
  importEndRecord,
  replayRecord,
  quarantineSettledRecord,
])

export type EventRecord = z.infer<typeof eventRecord>
export type LogRecord = z.infer<typeof logRecord>
export type ShareRecord = Extract<LogRecord, { type: 'share' }>
export type InviteRecord = Extract<LogRecord, { type: 'invite' }>
export type ConversionRecord = Extract<LogRecord, { type: 'conversion' }>
export type RumRecord = Extract<LogRecord, { type: 'rum' }>
export type QuarantinedRecord = Extract<LogRecord, { type: 'quarantined' }>
export type TickRecord = Extract<LogRecord, { type: 'tick' }>
export type ReplayRecord = Extract<LogRecord, { type: 'replay' }>
export type QuarantineSettledRecord = Extract<LogRecord, { type: 'quarantine_settled' }>
export type ImportEndRecord = Extract<LogRecord, { type: 'import_end' }>
