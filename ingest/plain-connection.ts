/**
 * A connection on which plain `POST /v1/events` come, read from the socket itself: Node's HTTP costs ten times what is done
 * with a small event, most of it for objects and for a write of its own for each answer. Answers that become known together
 * leave in one write, in the order of their requests. From the first request on that is not plain, or that is to be
 * refused before its body is read, the connection is Node's for good.
 */
import type { Socket } from 'node:net'
import { nextTick } from 'node:process'
import type { Principal } from '../schemas/ports/workspaces.ts'
import type { EventsAnswer, EventsDesk } from './events-desk.ts'
import { askForRoom, type BodyRoom, IncomingBody } from './incoming-body.ts'
import { mayBeginPlainHead, PLAIN_HEAD_BYTES_MAX, type PlainHead, type PlainHeads } from './plain-head.ts'

export interface PlainConnectionDeps {
  readonly desk: EventsDesk
  readonly committer: BodyRoom
  readonly heads: PlainHeads
  /** The answer as it goes out, head and body; `isLast`: the connection ends behind it. */
  readonly answerText: (answer: EventsAnswer, isLast: boolean) => string
  /** Takes a connection over, with what it brought that is not answered put back to be read first. */
  readonly handOver: (socket: Socket) => void
  /** A connection that is silent for so long is closed; 0: never. */
  readonly idleMs: number
  /** A body that is not whole after so long is not waited for, though a byte of it comes now and then; 0: any time. */
  readonly bodyMs: number
}

const HEAD_END = Buffer.from('\r\n\r\n')
const NOTHING = Buffer.alloc(0)
/** With so many requests under way no more is read from a connection. */
const OPEN_MAX = 1_000
/** So long the other side may take to end a connection that we ended: closed at once, it may lose answers that it did not read yet. */
const LINGER_MS = 1_000

/** A request whose body is not there yet. */
interface OpenBody {
  readonly principal: Principal
  readonly head: PlainHead
  readonly body: IncomingBody
  /** Ends its time. */
  readonly timer: NodeJS.Timeout | undefined
}

/** The place of an answer among those of its connection. */
interface Place {
  answer: EventsAnswer | undefined
}

export class PlainConnection {
  readonly #socket: Socket
  readonly #deps: PlainConnectionDeps
  /** Requests that are not answered, in order. */
  #places: Place[] = []
  /** The beginning of a head. */
  #rest: Buffer = NOTHING
  #body: OpenBody | undefined
  /** What the next owner reads first, once everything before it is answered. */
  #handedOver: Buffer | undefined
  #isFlushDue = false
  #isFull = false
  #isFinishing = false

  constructor(socket: Socket, deps: PlainConnectionDeps) {
    this.#socket = socket
    this.#deps = deps
    socket.on('data', this.#take).on('end', this.#end).on('drain', this.#drain).on('error', this.#lose).on('close', this.#close)
    if (deps.idleMs > 0) socket.setTimeout(deps.idleMs, this.#idle)
  }

  /** Takes no further request, and ends the connection once those that it took are answered. */
  finish(): void {
    this.#isFinishing = true
    if (this.#body !== undefined) return
    this.#socket.pause()
    if (this.#places.length === 0) this.#linger()
  }

  readonly #take = (chunk: Buffer): void => {
    const bytes = this.#body === undefined ? chunk : this.#fill(this.#body, chunk)
    if (bytes.length > 0 && !this.#isFinishing) this.#read(this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]))
    if (!this.#mayRead) this.#socket.pause()
  }

  get #mayRead(): boolean {
    return this.#places.length < OPEN_MAX && !(this.#isFinishing && this.#body === undefined)
  }

  /** Adds to a body that is not whole; gives what is behind it. */
  #fill({ principal, head, body }: OpenBody, chunk: Buffer): Buffer {
    const missing = head.bodyBytes - body.length
    try {
      body.add(chunk.subarray(0, missing))
    } catch (error) {
      // The rest of it is not read, so nothing behind it can be.
      this.#places.push({ answer: this.#deps.desk.refusal(error) })
      this.#flushSoon()
      this.#giveUp()
      return NOTHING
    }
    if (body.length === head.bodyBytes) {
      this.#close()
      this.#answer(principal, head, body.bytes)
    }
    return chunk.subarray(missing)
  }

  #read(bytes: Buffer): void {
    const isSecondPiece = this.#rest.length > 0
    this.#rest = NOTHING
    let at = 0
    while (at < bytes.length) {
      const headEnd = bytes.indexOf(HEAD_END, at)
      if (headEnd < 0 && bytes.length - at <= PLAIN_HEAD_BYTES_MAX && !(isSecondPiece && at === 0)) {
        const rest = bytes.subarray(at)
        if (mayBeginPlainHead(rest)) this.#rest = rest
        else this.#handOver(rest)
        return
      }
      // A head that comes in many pieces is Node's to wait for.
      const isWhole = headEnd >= 0 && headEnd - at <= PLAIN_HEAD_BYTES_MAX
      const head = isWhole ? this.#deps.heads.read(bytes.toString('latin1', at, headEnd)) : undefined
      const principal = head && this.#principalOf(head)
      if (!head || !principal) {
        this.#handOver(bytes.subarray(at))
        return
      }
      const bodyStart = headEnd + HEAD_END.length
      const bodyEnd = bodyStart + head.bodyBytes
      if (bodyEnd > bytes.length) {
        if (this.#hasRoomFor(head.bodyBytes)) this.#begin(principal, head, bytes.subarray(bodyStart))
        else this.#handOver(bytes.subarray(at))
        return
      }
      this.#answer(principal, head, bytes.subarray(bodyStart, bodyEnd))
      at = bodyEnd
    }
  }

  /** Undefined for who may not send: how that is refused the application knows. */
  #principalOf({ authorization, key }: PlainHead): Principal | undefined {
    try {
      return this.#deps.desk.principalOf(authorization, key)
    } catch {
      return undefined
    }
  }

  #hasRoomFor(bytes: number): boolean {
    try {
      askForRoom(this.#deps.committer, bytes)
      return true
    } catch {
      return false
    }
  }

  #begin(principal: Principal, head: PlainHead, chunk: Buffer): void {
    const { committer, bodyMs } = this.#deps
    const timer = bodyMs > 0 ? setTimeout(this.#giveUp, bodyMs).unref() : undefined
    this.#body = { principal, head, timer, body: new IncomingBody(committer, head.bodyBytes) }
    this.#fill(this.#body, chunk)
  }

  #answer(principal: Principal, { contentEncoding, ndjson }: PlainHead, body: Buffer): void {
    const place: Place = { answer: undefined }
    this.#places.push(place)
    const connectionIp = this.#socket.remoteAddress
    void this.#deps.desk.answer({ principal, body, contentEncoding, ndjson, connectionIp }).then((answer) => {
      place.answer = answer
      this.#flushSoon()
    })
  }

  /** Behind all that the same commit answers. */
  #flushSoon(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    nextTick(this.#flush)
  }

  readonly #flush = (): void => {
    this.#isFlushDue = false
    let text = ''
    let answered = 0
    const last = this.#isFinishing && this.#body === undefined ? this.#places.length : 0
    for (const { answer } of this.#places) {
      if (answer === undefined) break
      answered += 1
      text += this.#deps.answerText(answer, answered === last)
    }
    if (answered === 0) return
    this.#places = this.#places.slice(answered)
    if (!this.#socket.writable) return
    this.#isFull = !this.#socket.write(text)
    if (answered === last) {
      this.#linger()
      return
    }
    if (this.#places.length === 0 && this.#handedOver !== undefined) {
      this.#leave(this.#handedOver)
      return
    }
    this.#readOn()
  }

  /** Reads while the other side takes its answers, and not too many are under way. */
  #readOn(): void {
    if (this.#isFull) this.#socket.pause()
    else if (this.#mayRead && this.#handedOver === undefined && this.#socket.isPaused()) this.#socket.resume()
  }

  readonly #drain = (): void => {
    this.#isFull = false
    this.#readOn()
  }

  #handOver(bytes: Buffer): void {
    this.#handedOver = bytes
    this.#socket.pause()
    if (this.#places.length === 0) this.#leave(bytes)
  }

  #leave(bytes: Buffer): void {
    const socket = this.#socket
    socket.off('data', this.#take).off('end', this.#end).off('drain', this.#drain).off('error', this.#lose).off('close', this.#close)
    socket.setTimeout(0, this.#idle)
    socket.unshift(bytes)
    this.#deps.handOver(socket)
    socket.resume()
  }

  /** The end of what we send; what still comes is not looked at. */
  #linger(): void {
    const socket = this.#socket
    socket.off('data', this.#take).off('drain', this.#drain).resume().end()
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  }

  /** Who sends no more is taken to be gone, as by Node: what was sent whole is stored all the same. */
  readonly #end = (): void => {
    this.#socket.end()
  }

  readonly #lose = (): void => {
    this.#socket.destroy()
  }

  /** Silence while an answer is awaited is ours, not theirs. */
  readonly #idle = (): void => {
    if (this.#places.length === 0) this.#socket.destroy()
  }

  readonly #giveUp = (): void => {
    this.#close()
    this.finish()
  }

  readonly #close = (): void => {
    clearTimeout(this.#body?.timer)
    this.#body?.body.release()
    this.#body = undefined
  }
}
