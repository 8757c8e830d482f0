/**
 * Every code that a user can meet, in one registry: the HTTP layer, the quarantine, the docs and the metrics'
 * labels all read it. A code never changes its meaning.
 */

/** Whole-request errors: RFC 9457 problem details. */
export const REQUEST_ERRORS = {
  body_empty: { status: 400, title: 'The body is empty', help: 'Send one event, an array of events, or NDJSON.' },
  body_malformed: {
    status: 400,
    title: 'The body is not JSON',
    help: 'Send one JSON object, a JSON array, or one object a line (NDJSON).',
  },
  body_too_deep: { status: 400, title: 'The body is nested too deeply', help: 'Events nest at most 16 levels.' },
  body_too_large: { status: 413, title: 'The body is too large', help: 'Send fewer events in one request.' },
  batch_too_long: { status: 413, title: 'Too many events in one request', help: 'Send at most 10,000 events in one request.' },
  body_undecodable: {
    status: 400,
    title: 'The body does not decode as its Content-Encoding says',
    help: 'Send gzip with Content-Encoding: gzip, or no encoding.',
  },
  encoding_unsupported: { status: 415, title: 'Content-Encoding is not supported', help: 'Use gzip or none.' },
  content_type_unsupported: {
    status: 415,
    title: 'Content-Type is not supported',
    help: 'Use application/json, application/x-ndjson or text/plain.',
  },
  key_missing: { status: 401, title: 'No key', help: 'Send Authorization: Bearer KEY, the key as the Basic user name, or ?key=.' },
  key_unknown: { status: 401, title: 'The key is not valid', help: 'Look at `kappa keys list`; a revoked key stops within 5 seconds.' },
  key_scope: {
    status: 403,
    title: 'The key may not do this',
    help: 'write keys send events, server keys send all events, read keys read, admin keys do everything.',
  },
  host_refused: {
    status: 403,
    title: 'The Host header is not one of this server',
    help: 'Open the dashboard by the address that `kappa up` printed.',
  },
  parameter_invalid: { status: 400, title: 'A parameter is not valid', help: 'See /openapi.json.' },
  not_found: { status: 404, title: 'Nothing is here', help: 'See /openapi.json for what there is.' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here', help: 'See /openapi.json.' },
  already_settled: {
    status: 409,
    title: 'The event was settled before',
    help: 'It was retried or discarded: see GET /v1/quarantine?state=all.',
  },
  origin_refused: {
    status: 403,
    title: 'The request comes from another site',
    help: 'What changes something is taken from pages of this server, or with a key.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests with this key',
    help: 'Ask again after Retry-After; KAPPA_READS_PER_MINUTE sets how many reads a key has.',
  },
  overloaded: {
    status: 503,
    title: 'More is waiting than memory allows',
    help: 'Send again after Retry-After; nothing of this request was stored.',
  },
  log_unavailable: {
    status: 503,
    title: 'The log can not be written now',
    help: 'Send again after Retry-After; nothing of this request was acknowledged.',
  },
  warehouse_unavailable: {
    status: 503,
    title: 'The warehouse does not answer now',
    help: 'Try again after Retry-After; events are still taken.',
  },
  internal: { status: 500, title: 'Something is wrong on our side', help: 'The log of the server has the details under this request id.' },
} as const satisfies Record<string, { status: number; title: string; help: string }>
export type RequestErrorCode = keyof typeof REQUEST_ERRORS

/** Errors of one event: they stand in the 202 and in the quarantine, its neighbours are stored. */
export const EVENT_ERRORS = {
  event_not_object: 'An event is a JSON object.',
  event_malformed: 'This line is not JSON.',
  event_too_deep: 'Events nest at most 16 levels.',
  event_too_large: 'An event has at most 128 KB.',
  type_missing: 'Every event has a type: share, invite, conversion or rum.',
  type_unknown: 'The type is one of share, invite, conversion and rum.',
  field_missing: 'A required field is absent.',
  field_unknown: 'The field does not exist; free data goes into properties.',
  field_invalid: 'The value of the field is not valid.',
  time_invalid: 'An instant is RFC 3339 with a zone or epoch milliseconds.',
  time_too_early: 'occurred_at is before 2000: seconds may have been sent for milliseconds.',
  time_in_future: 'occurred_at is more than 24 hours after receipt.',
  properties_too_large: 'properties has at most 32 KB as JSON.',
  properties_too_deep: 'properties nests at most 8 levels.',
  event_not_allowed: 'The key may not send this event: write keys send no money.',
  processing_failed: 'The event was stored, and our own code could not process it: retry it with a newer build, and report it.',
} as const satisfies Record<string, string>
export type EventErrorCode = keyof typeof EVENT_ERRORS

/** An expected failure of a request; the HTTP layer turns it into a problem document. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: RequestErrorCode
  readonly retryAfterSeconds: number | undefined
  constructor(code: RequestErrorCode, detail?: string, retryAfterSeconds?: number) {
    super(detail ?? REQUEST_ERRORS[code].help)
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: RequestErrorCode
  readonly instance?: string
}

/** RFC 9457 problem document of an error; `instance` is the request id. */
export function problemDocument(code: RequestErrorCode, detail?: string, instance?: string): ProblemDocument {
  const { status, title, help } = REQUEST_ERRORS[code]
  return { type: `urn:kappa:error:${code}`, title, status, detail: detail ?? help, code, ...(instance ? { instance } : {}) }
}
