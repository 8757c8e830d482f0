/**
 * One HTTP connection of the load generator: keep-alive, pipelined (RFC 9112, section 9.3.2), on the bare socket, so that
 * the generator takes as little as it can of the cores that it shares with what it measures.
 */
import { connect, type Socket } from 'node:net'

export interface ServerAddress {
  readonly host: string
  readonly port: number
}

export interface HttpAnswer {
  readonly status: number
  /** Valid during the call only. */
  readonly body: Buffer
}

const HEAD_END = '\r\n\r\n'
/** `HTTP/1.1 202`: where the digits stand. */
const STATUS_START = 9
const STATUS_END = 12
const SHARED_BYTES = Buffer.allocUnsafe(64 * 1024)
/** Answered requests whose numbers are kept before they are dropped together. */
const FORGET_FROM = 1_000

export class PipelinedConnection {
  readonly #socket: Socket
  readonly #onAnswer: (answer: HttpAnswer, request: number) => void
  /** Numbers of requests without an answer, from `#answered` on. */
  #waiting: number[] = []
  #answered = 0
  #rest: Buffer = Buffer.alloc(0)

  /** `onAnswer` is told which request is answered, `onLost` that there will be no more answers. */
  constructor(socket: Socket, onAnswer: (answer: HttpAnswer, request: number) => void, onLost: (error: Error) => void) {
    this.#socket = socket
    this.#onAnswer = onAnswer
    let failure: Error | undefined
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => {
      failure = error
    })
    socket.once('close', () => onLost(failure ?? new Error('the server closed the connection')))
  }

  /** Requests without an answer. */
  get waiting(): number {
    return this.#waiting.length - this.#answered
  }

  /** Sends a request under a number of the caller's; its answer comes after those of all before it. */
  send(bytes: Uint8Array, request: number): void {
    this.#waiting.push(request)
    this.#socket.write(bytes)
  }

  /** Closes without a word; `onLost` hears of it. */
  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    // What answers make be sent goes out together.
    this.#socket.cork()
    for (let head = data.indexOf(HEAD_END); head >= 0; head = data.indexOf(HEAD_END)) {
      const text = data.toString('latin1', 0, head)
      const bodyStart = head + HEAD_END.length
      const bodyEnd = bodyStart + lengthOf(text)
      if (bodyEnd > data.length) break
      const request = this.#waiting[this.#answered]
      if (request === undefined) throw new Error(`an answer to nothing: ${text}`)
      this.#answered += 1
      this.#onAnswer({ status: Number(text.slice(STATUS_START, STATUS_END)), body: data.subarray(bodyStart, bodyEnd) }, request)
      data = data.subarray(bodyEnd)
    }
    if (this.#answered > FORGET_FROM) {
      this.#waiting = this.#waiting.slice(this.#answered)
      this.#answered = 0
    }
    this.#rest = data
    this.#socket.uncork()
  }
}

function lengthOf(head: string): number {
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`an answer without content-length: ${head}`)
  return Number(length)
}

/**
 * Connects. With `take` what comes is handed over in one buffer that all sockets share, valid during the call only: for
 * thousands of sockets, each with little to read, an allocation a read would be most of the work. Rejects when nobody listens.
 */
export function openSocket({ host, port }: ServerAddress, take?: (bytes: Buffer) => void): Promise<Socket> {
  const onread =
    take === undefined
      ? {}
      : {
          onread: {
            buffer: SHARED_BYTES,
            callback(size: number): boolean {
              take(SHARED_BYTES.subarray(0, size))
              return true
            },
          },
        }
  return new Promise((opened, failed) => {
    const socket = connect({ host, port, noDelay: true, ...onread })
    socket.once('connect', () => {
      socket.off('error', failed)
      opened(socket)
    })
    socket.once('error', failed)
  })
}
