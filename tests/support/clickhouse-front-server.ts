/**
 * A process that speaks ClickHouse's HTTP interface over the embedded engine: started by `clickhouse-front.ts` with the data
 * folder, the user and the password. Errors and answers look as a server's do; faults come as messages.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGzip } from 'node:zlib'
import { FrontEngine } from './clickhouse-front-engine.ts'
import type { FaultOrder, FromFront, FrontFault, SeenRequest, ToFront } from './clickhouse-front-faults.ts'
import { type ClickHouseRequest, readClickHouseRequest } from './clickhouse-request.ts'

const [path = '', user = 'default', password = ''] = process.argv.slice(2)
const VERSION = '(version 26.7.2.1 (official build))'
const TAG = 'kappafronttag001'
const CHUNK_BYTES = 64 * 1024
/** Status of the engine's errors; all others are 500. */
const STATUS_OF_CODE: Readonly<Record<number, number>> = { 46: 404, 47: 404, 60: 404, 62: 400, 81: 404, 164: 403, 516: 403, 202: 503 }

const engine = new FrontEngine(path)
const orders: { left: number; order: FaultOrder }[] = []
const seen: SeenRequest[] = []

class FrontError extends Error {
  readonly code: number
  readonly type: string
  constructor(code: number, type: string, message: string) {
    super(message)
    this.code = code
    this.type = type
  }
}

function errorText(error: unknown): { code: number; text: string } {
  const { message, code, type } = error as { message: string; code?: string | number; type?: string }
  const number = Number(code ?? 1002)
  return { code: number, text: `Code: ${number}. DB::Exception: ${message} (${type ?? 'UNKNOWN_EXCEPTION'}) ${VERSION}\n` }
}

function nextFault(query: string): FrontFault | undefined {
  const hit = orders.find(({ left, order }) => left > 0 && query.includes(order.matching ?? ''))
  if (hit === undefined) return undefined
  hit.left -= 1
  return hit.order.fault
}

/** What stands between half an answer and its end. */
function errorInAnswer(form: 'tagged' | 'bare'): string {
  const { text } = errorText(new FrontError(241, 'MEMORY_LIMIT_EXCEEDED', 'Query memory limit exceeded: in the middle of an answer.'))
  if (form === 'bare') return text
  return `\r\n__exception__\r\n${TAG}\r\n${text}${Buffer.byteLength(text)} ${TAG}\r\n__exception__\r\n`
}

function* chunksOf(bytes: Buffer, fault: FrontFault | undefined): Generator<Buffer> {
  const isBroken = fault?.kind === 'error-in-answer' || fault?.kind === 'cut-answer'
  const whole = isBroken ? bytes.subarray(0, Math.floor(bytes.length / 2)) : bytes
  // A server writes whole rows before it fails; a connection is cut anywhere.
  const sent = fault?.kind === 'error-in-answer' ? whole.subarray(0, whole.lastIndexOf(0x0a) + 1) : whole
  for (let start = 0; start < sent.length; start += CHUNK_BYTES) yield sent.subarray(start, start + CHUNK_BYTES)
  if (fault?.kind === 'error-in-answer') yield Buffer.from(errorInAnswer(fault.form))
}

async function answer(request: ClickHouseRequest, response: ServerResponse, fault: FrontFault | undefined): Promise<void> {
  const { bytes, summary } = await engine.run(request)
  if (fault?.kind === 'slow') await sleep(fault.ms)
  if (fault?.kind === 'lost-answer') {
    response.destroy()
    return
  }
  const isGzip = request.acceptsGzip && request.settings['enable_http_compression'] === '1'
  response.writeHead(200, {
    'content-type': 'text/plain; charset=UTF-8',
    'x-clickhouse-summary': JSON.stringify(summary),
    ...(fault?.kind === 'error-in-answer' && fault.form === 'bare' ? {} : { 'x-clickhouse-exception-tag': TAG }),
    ...(isGzip ? { 'content-encoding': 'gzip' } : {}),
  })
  const body = Readable.from(chunksOf(bytes, fault), { objectMode: false })
  if (fault?.kind === 'cut-answer' && !fault.isEndedCleanly) {
    const stream = isGzip ? body.pipe(createGzip()) : body
    for await (const chunk of stream) if (!response.write(chunk)) await once(response, 'drain')
    response.destroy()
    return
  }
  if (isGzip) await pipeline(body, createGzip(), response)
  else await pipeline(body, response)
}

async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  if (incoming.url === '/ping') {
    response.end('Ok.\n')
    return
  }
  try {
    const request = await readClickHouseRequest(incoming)
    const { query, settings, params, bodyBytes, contentEncoding } = request
    seen.push({ query, settings, params: Object.keys(params), bodyBytes, contentEncoding })
    const fault = nextFault(query)
    if (fault?.kind === 'refused') {
      if (fault.form === 'reset') response.destroy()
      else response.writeHead(503, { 'content-type': 'text/html' }).end('<html><body>503 Service Unavailable</body></html>')
      return
    }
    if (request.user !== user || request.password !== password) {
      throw new FrontError(516, 'AUTHENTICATION_FAILED', `${request.user}: Authentication failed: password is incorrect.`)
    }
    await answer(request, response, fault)
  } catch (error) {
    const { code, text } = errorText(error)
    if (response.headersSent) response.destroy()
    else response.writeHead(STATUS_OF_CODE[code] ?? 500, { 'x-clickhouse-exception-code': String(code) }).end(text)
  }
}

const tell = (message: FromFront) => process.send?.(message)
process.on('message', (message: ToFront) => {
  if ('order' in message) {
    orders.push({ left: message.order.times, order: message.order })
    tell({ ordered: true })
  } else tell({ requests: seen.splice(0) })
})
process.on('disconnect', () => process.exit(0))

const server = createServer((request, response) => void handle(request, response))
server.keepAliveTimeout = 10_000
server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }))
