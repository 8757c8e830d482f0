/** Every error of the API as a problem document (RFC 9457). */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { problemDocument, REQUEST_ERRORS, RequestError, type RequestErrorCode } from '../../schemas/errors.ts'
import { WarehouseUnavailableError } from '../../schemas/ports/warehouse.ts'

/** Seconds after which a reader may ask again while the warehouse is away. */
const RETRY_AFTER_SECONDS = 5

function send(reply: FastifyReply, request: FastifyRequest, code: RequestErrorCode, detail?: string, retryAfterSeconds?: number) {
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds))
  if (REQUEST_ERRORS[code].status === 401) void reply.header('www-authenticate', 'Bearer realm="kappa"')
  return reply
    .code(REQUEST_ERRORS[code].status)
    .type('application/problem+json')
    .send(JSON.stringify(problemDocument(code, detail, request.id)))
}

/** Fastify error handler: expected errors by their code, all others as `internal`, with the details in the log only. */
export function replyWithProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof RequestError) return send(reply, request, error.code, error.message, error.retryAfterSeconds)
  if (error instanceof WarehouseUnavailableError) {
    request.log.warn({ err: error }, 'the warehouse did not answer')
    return send(reply, request, 'warehouse_unavailable', undefined, RETRY_AFTER_SECONDS)
  }
  const status = error instanceof Error ? (error as FastifyError).statusCode : undefined
  if (status === 404) return send(reply, request, 'not_found')
  if (status === 405) return send(reply, request, 'method_not_allowed')
  if (status === 413) return send(reply, request, 'body_too_large')
  if (status === 415) return send(reply, request, 'content_type_unsupported')
  if (status !== undefined && status >= 400 && status < 500) return send(reply, request, 'body_malformed')
  request.log.error({ err: error }, 'a request failed')
  return send(reply, request, 'internal')
}
