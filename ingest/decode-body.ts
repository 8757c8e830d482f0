/** Content-Encoding of a request: gzip or none, the decoded size capped, so that a bomb costs what an honest body costs. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { RequestError } from '../schemas/errors.ts'

export const BODY_BYTES_MAX = 10 * 1024 * 1024

const gunzipAsync = promisify(gunzip)

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
    return await gunzipAsync(body, { maxOutputLength: BODY_BYTES_MAX })
  } catch (error) {
    const tooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    throw new RequestError(tooLarge ? 'body_too_large' : 'body_undecodable')
  }
}
