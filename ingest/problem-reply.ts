/** Errors as RFC 9457 problem documents. The app sets `problemErrorHandler` once; nothing else writes an error. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { problemDocument, REQUEST_ERRORS, RequestError, type RequestErrorCode } from '../schemas/errors.ts'

/** Fastify's own refusals, before a handler runs, by their codes. */
const FASTIFY_CODES: Readonly<Record<string, RequestErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'content_type_unsupported',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'body_malformed',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'body_empty',
  FST_ERR_CTP_INVALID_JSON_BODY: 'body_malformed',
  FST_ERR_BAD_URL: 'parameter_invalid',
  FST_ERR_VALIDATION: 'parameter_invalid',
  FST_ERR_NOT_FOUND: 'not_found',
  ECONNRESET: 'body_malformed',
}

/** The request error that any thrown value amounts to; whatever is not known is our fault. */
export function requestErrorOf(error: unknown): RequestError {
  if (error instanceof RequestError) return error
  const { code, statusCode } = (typeof error === 'object' && error !== null ? error : {}) as Partial<FastifyError>
  const known = code === undefined ? undefined : FASTIFY_CODES[code]
  if (known) return new RequestError(known)
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new RequestError('parameter_invalid')
  return new RequestError('internal')
}

/** Writes the problem document of an error, with Retry-After where there is one. */
export function sendProblem(reply: FastifyReply, error: RequestError, requestId: string): FastifyReply {
  const { status } = REQUEST_ERRORS[error.code]
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds))
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="kappa"')
  return reply
    .code(status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(JSON.stringify(problemDocument(error.code, error.message, requestId)))
}

/** Fastify error handler: details of our own faults go to the server's log, never to the client. */
export function problemErrorHandler(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = requestErrorOf(error)
  if (problem.code === 'internal') request.log.error({ err: error }, 'request failed')
  sendProblem(reply, problem, String(request.id))
}
