/**
 * The head of a plain `POST /v1/events`, from its text. Stricter than HTTP/1.1 (RFC 9112) on purpose: a head is taken only
 * when there is one way to read it, for us and for every proxy before us, so that nobody can hide one request in another.
 * Whatever is not of this form is for Node's parser, which knows the whole protocol.
 */
import { BODY_BYTES_MAX } from './decode-body.ts'
import { EVENT_MEDIA_TYPES, mediaTypeOf } from './media-type.ts'

export interface PlainHead {
  readonly authorization: string | undefined
  /** `?key=` of the address. */
  readonly key: string | undefined
  readonly contentEncoding: string | undefined
  /** Whether the sender says that the body is NDJSON. */
  readonly ndjson: boolean
  /** Length of the body that follows. */
  readonly bodyBytes: number
}

/** A head above this is Node's, and none above is kept. */
export const PLAIN_HEAD_BYTES_MAX = 4_096
/** Heads that are remembered: those of a sender differ in little but the length. */
const HEADS_MAX = 1_000

/** How every one begins. */
const BEGINNING = Buffer.from('POST /v1/events')
const REQUEST_LINE = /^POST \/v1\/events(?:\?key=([\w.~-]{1,512}))? HTTP\/1\.1$/
/** A name, a colon, and a value of visible characters, spaces and tabs: no folded lines, nothing before the colon. */
const FIELD_LINE = /^([\w!#$%&'*+.^`|~-]+):([\t\x20-\x7e\x80-\xff]*)$/
const LENGTH = /^[1-9]\d{0,8}$/
/** What asks for more than an answer. */
const NOT_PLAIN = ['proxy-connection', 'transfer-encoding', 'trailer', 'expect', 'upgrade', 'http2-settings']

/** Reads a head (one character a byte, without the empty line at its end); undefined when it is not plain. */
export function readPlainHead(text: string): PlainHead | undefined {
  const [requestLine = '', ...lines] = text.split('\r\n')
  const request = REQUEST_LINE.exec(requestLine)
  if (request === null) return undefined
  const fields = new Map<string, string>()
  for (const line of lines) {
    const field = FIELD_LINE.exec(line)
    if (field === null) return undefined
    const [, name = '', value = ''] = field
    // A field that stands there twice may be read in two ways.
    if (fields.has(name.toLowerCase())) return undefined
    const stripped = withoutSpaceAround(value)
    // Node takes no tab behind a length, and we nothing that it would refuse.
    if (stripped.endsWith('\t')) return undefined
    fields.set(name.toLowerCase(), stripped)
  }
  const length = fields.get('content-length') ?? ''
  const isPlain =
    fields.has('host') &&
    LENGTH.test(length) &&
    Number(length) <= BODY_BYTES_MAX &&
    (fields.get('connection') ?? 'keep-alive').toLowerCase() === 'keep-alive' &&
    !NOT_PLAIN.some((name) => fields.has(name))
  const mediaType = mediaTypeOf({ 'content-type': fields.get('content-type') })
  if (!isPlain || !EVENT_MEDIA_TYPES.has(mediaType)) return undefined
  return {
    authorization: fields.get('authorization'),
    key: request[1],
    contentEncoding: fields.get('content-encoding'),
    ndjson: mediaType.endsWith('ndjson'),
    bodyBytes: Number(length),
  }
}

/** Whether more bytes may make a plain head of these, in which no head ends yet. */
export function mayBeginPlainHead(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, BEGINNING.length)
  return bytes.compare(BEGINNING, 0, length, 0, length) === 0 && !bytes.includes('\n\n')
}

/**
 * A value without the blanks and tabs before it and the blanks behind it. By hand: an expression that looks for space at both ends goes
 * through a long run of it again and again, for anybody who sends one.
 */
function withoutSpaceAround(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && (value[start] === ' ' || value[start] === '\t')) start += 1
  while (end > start && value[end - 1] === ' ') end -= 1
  return value.slice(start, end)
}

/** Reads heads, and remembers those that were plain: to look one up takes a tenth of reading it. */
export class PlainHeads {
  readonly #known = new Map<string, PlainHead>()

  /** As `readPlainHead`. */
  read(text: string): PlainHead | undefined {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const head = readPlainHead(text)
    if (head === undefined) return undefined
    if (this.#known.size >= HEADS_MAX) this.#known.clear()
    this.#known.set(text, head)
    return head
  }
}
