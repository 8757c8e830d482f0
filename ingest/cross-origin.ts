/** Browsers on any site send events: the key decides, never a cookie, so any origin may, and none with credentials. */
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Header names that a preflight asked for, when they look like some. */
const HEADER_NAMES = /^[a-z0-9-]+(?:\s*,\s*[a-z0-9-]+)*$/i
const OWN_HEADERS = 'authorization, content-type, content-encoding'

/** What lets scripts of any origin read an answer. */
export const ORIGIN_HEADERS = [
  ['access-control-allow-origin', '*'],
  ['access-control-expose-headers', 'retry-after'],
  ['cross-origin-resource-policy', 'cross-origin'],
] as const

/** Lets scripts of any origin read the answer. */
export function allowAnyOrigin(reply: FastifyReply): void {
  for (const [name, value] of ORIGIN_HEADERS) reply.header(name, value)
}

/** Answers a preflight. SDKs send headers of their own, so whatever was asked for is allowed; `*` would not cover Authorization. */
export async function answerPreflight(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  allowAnyOrigin(reply)
  const asked = String(request.headers['access-control-request-headers'] ?? '').slice(0, 1000)
  return reply
    .code(204)
    .header('access-control-allow-methods', 'GET, POST, OPTIONS')
    .header('access-control-allow-headers', HEADER_NAMES.test(asked) ? asked : OWN_HEADERS)
    .header('access-control-max-age', '86400')
    .header('vary', 'access-control-request-headers')
    .send()
}
