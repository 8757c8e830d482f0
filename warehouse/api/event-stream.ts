/** One Server-Sent Events connection (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
import type { ServerResponse } from 'node:http'
import type { LiveHub, LiveMessage } from './live-hub.ts'

/** How long a browser waits before it comes back. */
const RETRY_MS = 2_000
/** Comments keep proxies from closing a quiet connection. */
const HEARTBEAT_MS = 15_000
/** How often the key is looked at again: a revoked one stops within 5 s. */
const RECHECK_MS = 2_500

export interface EventStreamOptions {
  readonly hub: LiveHub
  /** `Last-Event-ID` of the request. */
  readonly lastEventId: string | undefined
  /** Headers that other plugins set on the reply. */
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>
  readonly mayContinue: () => boolean
  readonly onClose: () => void
}

/**
 * Sends what was missed (or the state as it is), then every change, until either side closes. A client that does not
 * keep up misses messages and gets the whole state when it can take more, so that nothing piles up for it here.
 * Returns what ends the stream.
 */
export function openEventStream(response: ServerResponse, options: EventStreamOptions): () => void {
  const { hub, lastEventId, mayContinue, onClose } = options
  let isFull = false
  let hasMissed = false
  let isClosed = false

  const write = (text: string): void => {
    isFull = !response.write(text)
  }
  const send = (message: LiveMessage): void => {
    if (isFull) hasMissed = true
    else write(`id: ${message.id}\nevent: growth\ndata: ${message.data}\n\n`)
  }

  response.writeHead(200, {
    ...options.headers,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  write(`retry: ${RETRY_MS}\n\n`)
  const missed = lastEventId === undefined ? undefined : hub.since(lastEventId)
  for (const message of missed ?? [hub.current()]) send(message)
  const stopListening = hub.listen(send)

  const onDrain = (): void => {
    isFull = false
    if (!hasMissed) return
    hasMissed = false
    send(hub.current())
  }
  const heartbeat = setInterval(() => {
    if (!isFull) write(': still here\n\n')
  }, HEARTBEAT_MS)
  const recheck = setInterval(() => {
    if (!mayContinue()) close()
  }, RECHECK_MS)

  function close(): void {
    if (isClosed) return
    isClosed = true
    clearInterval(heartbeat)
    clearInterval(recheck)
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
