/**
 * Bodies as SDKs send them, read by what they are and not by what they are labelled: JSON under any media type, gzip with
 * or without Content-Encoding (posthog-js says `text/plain`, rudder-sdk-node `x-www-form-urlencoded`), a form field or a
 * whole body in base64 (older posthog-js).
 */
import { isUtf8 } from 'node:buffer'
import { RequestError } from '../../schemas/errors.ts'
import { decodeBody } from '../decode-body.ts'
import { compressionOf } from '../decompress.ts'
import { nestsDeeperThan } from '../json-depth.ts'
import { BODY_DEPTH_MAX } from '../steps/split-body.ts'

/** One by the sender's compression, one by its HTTP client. */
const GZIP_LAYERS_MAX = 2
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/
/** Encodings of a transfer that may stand in a header without being true. */
const TOLERATED_ENCODINGS = new Set(['', 'identity', 'gzip', 'x-gzip', 'gzip-js'])

async function withoutGzip(body: Buffer): Promise<Buffer> {
  let plain = body
  for (let layer = 0; layer < GZIP_LAYERS_MAX && compressionOf(plain) === 'gzip'; layer += 1) plain = await decodeBody(plain, 'gzip')
  return decodeBody(plain, undefined)
}

/** JSON text of bounded depth, parsed; undefined when it is no JSON. */
function parsedJson(text: string): { readonly value: unknown } | undefined {
  if (nestsDeeperThan(text, BODY_DEPTH_MAX)) throw new RequestError('body_too_deep')
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

/** What stands in a `data=` field, or in a body that is nothing but base64. */
async function parsedEncoded(text: string): Promise<{ readonly value: unknown } | undefined> {
  const field = /(?:^|&)data=/.test(text) ? (new URLSearchParams(text).get('data') ?? '') : text
  const plain = parsedJson(field)
  if (plain) return plain
  // A form turns + into a space.
  const base64 = field.trim().replaceAll(' ', '+')
  if (!BASE64.test(base64)) return undefined
  const decoded = await withoutGzip(Buffer.from(base64, 'base64'))
  return isUtf8(decoded) ? parsedJson(decoded.toString('utf8')) : undefined
}

/**
 * The JSON value of a body.
 * @throws RequestError `body_empty`, `body_malformed`, `body_too_deep`, `body_too_large`, `body_undecodable`, `encoding_unsupported`
 */
export async function parseSdkBody(body: Buffer, contentEncoding: string | undefined): Promise<unknown> {
  if (!TOLERATED_ENCODINGS.has(contentEncoding?.trim().toLowerCase() ?? '')) throw new RequestError('encoding_unsupported')
  const bytes = await withoutGzip(body)
  if (!isUtf8(bytes)) throw new RequestError('body_malformed')
  const text = bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trim()
  if (text === '') throw new RequestError('body_empty')
  const parsed = parsedJson(text) ?? (await parsedEncoded(text))
  if (!parsed) throw new RequestError('body_malformed')
  return parsed.value
}
