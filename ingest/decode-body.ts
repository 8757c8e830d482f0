/** Content-Encoding of a request: gzip or none, the decoded size capped, so that a bomb costs what an honest body costs. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { RequestError } from '../schemas/errors.ts'

export const BODY_BYTES_MAX = 10 * 1024 * 1024

/** So many bodies are decoded at once: what each will be is known only when it is there, and 10 KB may become 10 MB. */
const AT_ONCE_MAX = 8

const gunzipAsync = promisify(gunzip)
const waiting: (() => void)[] = []
let underWay = 0

/** Runs it when fewer than `AT_ONCE_MAX` run, in the order of asking. */
async function inTurn<T>(run: () => Promise<T>): Promise<T> {
  if (underWay < AT_ONCE_MAX) underWay += 1
  else await new Promise<void>((resolve) => waiting.push(resolve))
  try {
    return await run()
  } finally {
    // The place goes to the next, or is free.
    const next = waiting.shift()
    if (next) next()
    else underWay -= 1
  }
}

/**
 * A body that is not encoded.
 * @throws RequestError `body_too_large`
 */
export function boundedBody(body: Buffer): Buffer {
  if (body.byteLength > BODY_BYTES_MAX) throw new RequestError('body_too_large')
  return body
}

/** @throws RequestError `encoding_unsupported`, `body_undecodable`, `body_too_large` */
export async function decodeBody(body: Buffer, contentEncoding: string | undefined): Promise<Buffer> {
  const encoding = contentEncoding?.trim().toLowerCase() ?? ''
  if (encoding === '' || encoding === 'identity') return boundedBody(body)
  if (encoding !== 'gzip' && encoding !== 'x-gzip') throw new RequestError('encoding_unsupported')
  if (body.byteLength === 0) throw new RequestError('body_empty')
  try {
    return await inTurn(() => gunzipAsync(body, { maxOutputLength: BODY_BYTES_MAX }))
  } catch (error) {
    const tooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    throw new RequestError(tooLarge ? 'body_too_large' : 'body_undecodable')
  }
}
