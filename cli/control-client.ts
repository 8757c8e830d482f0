/** The commands' side of the control socket. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CommandError } from './command-error.ts'
import type { ControlFailure } from './control-messages.ts'

type Method = 'GET' | 'POST' | 'DELETE'

export interface ControlClient {
  /** Whether this process has the engine itself: its memory is then the engine's. */
  readonly isLocal: boolean
  /** Answer in JSON. Rejects with CommandError, as all of these. */
  json<Answer>(method: Method, path: string, body?: object): Promise<Answer>
  text(method: Method, path: string, body?: object): Promise<string>
  /** Lines of NDJSON as they come. `body` may be a stream of bytes, sent meanwhile. */
  lines<Line extends { readonly kind: string }>(
    path: string,
    body: object | AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Exclude<Line, { readonly kind: 'failure' }>>
}

/** A client of the socket at `socketPath`. */
export function connectControl(socketPath: string, isLocal: boolean): ControlClient {
  const open = (method: Method, path: string, contentType?: string): ClientRequest =>
    request({ socketPath, method, path, agent: false, headers: contentType === undefined ? {} : { 'content-type': contentType } })

  async function text(method: Method, path: string, body?: object): Promise<string> {
    const sent = open(method, path, body === undefined ? undefined : 'application/json')
    sent.end(body === undefined ? undefined : JSON.stringify(body))
    return readAnswer(await responseTo(sent))
  }

  async function* lines<Line extends { readonly kind: string }>(path: string, body: object | AsyncIterable<Uint8Array>) {
    const isStream = Symbol.asyncIterator in body
    const sent = open('POST', path, isStream ? 'application/x-ndjson' : 'application/json')
    const answered = responseTo(sent)
    // The other side may stop taking rows and still tell what became of them: its answer counts, not this failure.
    const uploading = isStream ? pipeline(Readable.from(body), sent).catch(() => {}) : Promise.resolve(void sent.end(JSON.stringify(body)))
    const response = await answered
    if (response.statusCode !== 200) await readAnswer(response)
    let hasEnded = false
    // A connection that breaks ends the lines early, and `hasEnded` says so; readline passes the error on to nobody.
    const rows = createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })
    response.on('error', () => rows.close())
    rows.on('error', () => rows.close())
    try {
      for await (const text of rows) {
        const line = JSON.parse(text) as Line | { readonly kind: 'failure'; readonly failure: ControlFailure }
        if (line.kind === 'failure') throw asCommandError((line as { readonly failure: ControlFailure }).failure)
        hasEnded ||= line.kind === 'end'
        yield line as Exclude<Line, { readonly kind: 'failure' }>
      }
    } finally {
      sent.destroy()
      await uploading
    }
    if (!hasEnded) throw brokenOff()
  }

  return {
    isLocal,
    json: async <Answer>(method: Method, path: string, body?: object) => JSON.parse(await text(method, path, body)) as Answer,
    text,
    lines,
  }
}

function responseTo(sent: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.once('response', resolve)
    // Later errors are those of the upload, which its own promise has.
    sent.on('error', reject)
  })
}

async function readAnswer(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const answer = Buffer.concat(chunks).toString('utf8')
  if (response.statusCode === 200) return answer
  let failure: ControlFailure | undefined
  try {
    failure = (JSON.parse(answer) as { readonly failure?: ControlFailure }).failure
  } catch {
    failure = undefined
  }
  throw failure === undefined ? brokenOff() : asCommandError(failure)
}

function asCommandError({ code, message }: ControlFailure): CommandError {
  return new CommandError(code, message)
}

function brokenOff(): CommandError {
  return new CommandError('control_broken_off', 'the process that has the data folder ended before it answered: run the command again')
}
