/** One Server-Sent Events connection (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
import type { ServerResponse } from 'node:http'
import type { LiveHub, LiveMessage } from './live-hub.ts'
import type { StreamRounds } from './stream-rounds.ts'

/** How long a browser waits before it comes back. */
const RETRY_MS = 2_000
const RETRY = Buffer.from(`retry: ${RETRY_MS}\n\n`)
const SIGN_OF_LIFE = Buffer.from(': still here\n\n')

export interface EventStreamOptions {
  readonly hub: LiveHub
  readonly rounds: StreamRounds
  /** `Last-Event-ID` of the request. */
  readonly lastEventId: string | undefined
  /** Headers that other plugins set on the reply. */
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>
  /** What the request was let in by: streams with the same are looked at again together. */
  readonly credentials: string
  readonly mayContinue: () => boolean
  readonly onClose: () => void
}

/**
 * Sends what was missed (or the state as it is), then every change, until either side closes. A client that does not
 * keep up misses messages and gets the whole state when it can take more, so that nothing piles up for it here.
 * Returns what ends the stream.
 */
export function openEventStream(response: ServerResponse, options: EventStreamOptions): () => void {
  const { hub, lastEventId, onClose } = options
  let isFull = false
  let hasMissed = false
  let isClosed = false

  const write = (bytes: Buffer): void => {
    isFull = !response.write(bytes)
  }
  const send = (message: LiveMessage): void => {
    if (isFull) hasMissed = true
    else write(message.bytes)
  }

  // The end of the connection is the end of the stream: without chunks a message is one write of bytes that all share.
  response.useChunkedEncodingByDefault = false
  response.writeHead(200, {
    ...options.headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    connection: 'close',
  })
  write(RETRY)
  const missed = lastEventId === undefined ? undefined : hub.since(lastEventId)
  for (const message of missed ?? [hub.current()]) send(message)
  const stopListening = hub.listen(send)

  const onDrain = (): void => {
    isFull = false
    if (!hasMissed) return
    hasMissed = false
    send(hub.current())
  }
  const leaveRounds = options.rounds.add({
    credentials: options.credentials,
    mayContinue: options.mayContinue,
    beat() {
      if (!isFull) write(SIGN_OF_LIFE)
    },
    close,
  })

  function close(): void {
    if (isClosed) return
    isClosed = true
    leaveRounds()
    stopListening()
    response.off('drain', onDrain)
    // A client that reads nothing would hold `end` back for ever.
    if (isFull) response.destroy()
    else response.end()
    onClose()
  }
  response.on('drain', onDrain)
  response.on('close', close)
  response.on('error', close)
  return close
}
