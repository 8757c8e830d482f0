/**
 * `POST /v1/events` straight from Node's HTTP server: the same as the route in `server.ts`, for requests that are not
 * plain enough for `plain-connection.ts` (a header twice, a body in chunks is not among them). Whatever is unusual here
 * too (another path, no key, no length, a media type that is not ours) is left to the application behind it untouched,
 * which alone knows how to refuse. An ordinary small request costs a quarter so.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Principal } from '../schemas/ports/workspaces.ts'
import { BODY_BYTES_MAX } from './decode-body.ts'
import { ANSWER_HEADERS, type EventsAnswer, type EventsDesk } from './events-desk.ts'
import { askForRoom, type BodyRoom, IncomingBody } from './incoming-body.ts'
import { EVENT_MEDIA_TYPES, mediaTypeOf } from './media-type.ts'

const PATH = '/v1/events'
/** A key in the address that needs no decoding. */
const KEYED_PATH = /^\/v1\/events\?key=([\w.~-]{1,512})$/
const LENGTH = /^\d{1,9}$/

/** Takes a request that is plain and answers it, the last of its connection when the server stops; false: it was not touched. */
export type EventsListener = (request: IncomingMessage, response: ServerResponse, isStopping: () => boolean) => boolean

/** The listener of one server. */
export function createEventsListener(desk: EventsDesk, committer: BodyRoom): EventsListener {
  async function take(
    { headers, socket }: IncomingMessage,
    response: ServerResponse,
    { principal, body, isStopping }: { readonly principal: Principal; readonly body: Buffer; readonly isStopping: () => boolean },
  ): Promise<void> {
    const answer = await desk.answer({
      principal,
      body,
      contentEncoding: headers['content-encoding'],
      ndjson: mediaTypeOf(headers).endsWith('ndjson'),
      connectionIp: socket.remoteAddress,
    })
    send(response, answer, isStopping())
  }

  function send(response: ServerResponse, { status, contentType, text, retryAfterSeconds }: EventsAnswer, isLast: boolean): void {
    if (isLast) response.shouldKeepAlive = false
    if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds))
    response
      .writeHead(status, [...ANSWER_HEADERS, 'content-type', contentType, 'content-length', String(Buffer.byteLength(text))])
      .end(text)
  }

  return (request, response, isStopping) => {
    const { method, url, headers } = request
    if (method !== 'POST' || url === undefined) return false
    const key = KEYED_PATH.exec(url)?.[1]
    if (url !== PATH && key === undefined) return false
    const length = headers['content-length'] ?? ''
    if (!LENGTH.test(length) || Number(length) > BODY_BYTES_MAX || !EVENT_MEDIA_TYPES.has(mediaTypeOf(headers))) return false
    let principal: Principal
    try {
      principal = desk.principalOf(headers.authorization, key)
      askForRoom(committer, Number(length))
    } catch {
      return false
    }
    const body = new IncomingBody(committer, Number(length))
    let isRefused = false
    request.on('data', (chunk: Buffer) => {
      if (isRefused) return
      try {
        body.add(chunk)
      } catch (error) {
        isRefused = true
        body.release()
        send(response, desk.refusal(error), true)
      }
    })
    request.on('end', () => {
      if (isRefused) return
      // From here on the pipeline counts the bytes itself.
      body.release()
      void take(request, response, { principal, body: body.bytes, isStopping })
    })
    // Also when the sender went before its body was whole.
    request.on('close', () => body.release())
    return true
  }
}
