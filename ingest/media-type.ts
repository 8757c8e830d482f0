/** Media types of bodies of events. */
import type { IncomingHttpHeaders } from 'node:http'

/** What `POST /v1/events` takes; '' is a request without Content-Type. The content decides what it is, not the label. */
export const EVENT_MEDIA_TYPES: ReadonlySet<string> = new Set([
  '',
  'application/json',
  'application/x-ndjson',
  'application/ndjson',
  'text/plain',
])

/** The media type of a request without its parameters, in lower case; '' when it has none. */
export function mediaTypeOf(headers: IncomingHttpHeaders): string {
  const type = headers['content-type'] ?? ''
  // Nearly always as it is written here.
  return EVENT_MEDIA_TYPES.has(type) ? type : (type.split(';')[0]?.trim().toLowerCase() ?? '')
}
