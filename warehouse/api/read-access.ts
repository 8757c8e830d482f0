/** Who may read what: read and admin keys, or the dashboard's session; an admin may name another workspace. */
import type { FastifyRequest } from 'fastify'
import { RequestError } from '../../schemas/errors.ts'
import { requestKey } from '../../schemas/request-key.ts'
import type { RateVerdict } from '../../schemas/ports/rate-limits.ts'
import type { Principal, Workspaces } from '../../schemas/ports/workspaces.ts'

/** How a request may carry its key, for the description of the API. */
export const SECURITY = [{ bearer: [] }, { basic: [] }, { query: [] }]

export interface AccessPorts {
  readonly workspaces: Pick<Workspaces, 'authenticate' | 'exists'>
  /** The principal of the request's session cookie, if it has a valid one. */
  readonly session: (request: FastifyRequest) => Principal | undefined
  /** Counts a read of the key. Undefined: keys read as often as they like. The dashboard's session is no key. */
  readonly limitReads?: ((keyId: string) => Promise<RateVerdict>) | undefined
}

function keyOf(request: FastifyRequest): string | undefined {
  return requestKey(request.headers.authorization, request.query as Record<string, unknown>)
}

function principalOf(ports: AccessPorts, request: FastifyRequest): Principal | undefined {
  const key = keyOf(request)
  // A key that is sent is meant: a bad one does not fall back to the session.
  return key === undefined ? ports.session(request) : ports.workspaces.authenticate(key)
}

/**
 * The workspace that the request may read, after it was counted. Rejects with `RequestError`: as `readableWorkspace` throws, and
 * `rate_limited` with the time to wait.
 */
export async function admitRead(ports: AccessPorts, request: FastifyRequest, named: string | undefined): Promise<string> {
  return (await admitReader(ports, request, named)).workspace
}

/** As `admitRead`, and whether an admin asks. */
export async function admitReader(
  ports: AccessPorts,
  request: FastifyRequest,
  named: string | undefined,
): Promise<{ readonly workspace: string; readonly isAdmin: boolean }> {
  const { workspace, keyId, isAdmin } = readableWorkspace(ports, request, named)
  if (ports.limitReads !== undefined && keyOf(request) !== undefined) {
    const verdict = await ports.limitReads(keyId)
    if (!verdict.isAllowed) throw new RequestError('rate_limited', undefined, Math.ceil(verdict.retryAfterMs / 1_000))
  }
  return { workspace, isAdmin }
}

/**
 * The workspace in which the request may change something: an admin's. Rejects as `admitRead`, with `key_scope` for other
 * keys, and with `origin_refused` for a session that acts from another site's page.
 */
export async function admitAdmin(ports: AccessPorts, request: FastifyRequest, named: string | undefined): Promise<string> {
  const { workspace, isAdmin } = await admitReader(ports, request, named)
  if (!isAdmin) throw new RequestError('key_scope', 'Only an admin key may do this.')
  if (keyOf(request) === undefined && !isOfOwnPage(request)) throw new RequestError('origin_refused')
  return workspace
}

/** Browsers say where a request comes from; the cookie itself is never sent from another site, this is the second lock. */
function isOfOwnPage({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') return false
  if (headers.origin === undefined) return true
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host
}

/**
 * The workspace that the request may read, and the key it reads with. Throws `RequestError`: `key_missing` or `key_unknown` (401), `key_scope` (403) for a
 * key that does not read or another workspace than its own, `not_found` for a workspace that is not there.
 */
function readableWorkspace(
  ports: AccessPorts,
  request: FastifyRequest,
  named: string | undefined,
): { readonly workspace: string; readonly keyId: string; readonly isAdmin: boolean } {
  const principal = principalOf(ports, request)
  if (principal === undefined) throw new RequestError(keyOf(request) === undefined ? 'key_missing' : 'key_unknown')
  if (principal.kind !== 'read' && principal.kind !== 'admin') throw new RequestError('key_scope')
  const { keyId } = principal
  const isAdmin = principal.kind === 'admin'
  if (named === undefined || named === principal.workspace) return { workspace: principal.workspace, keyId, isAdmin }
  if (principal.kind !== 'admin') throw new RequestError('key_scope', 'Only an admin key may name another workspace.')
  if (!ports.workspaces.exists(named)) throw new RequestError('not_found', 'There is no such workspace.')
  return { workspace: named, keyId, isAdmin }
}

/** `?workspace=`, before the parameters as a whole are checked: who may not read learns nothing else. */
export function workspaceNamed(request: FastifyRequest): string | undefined {
  const { workspace } = request.query as { workspace?: unknown }
  return typeof workspace === 'string' && workspace !== '' ? workspace : undefined
}

/** Whether the request would still be let in: for streams that outlive their key. */
export function mayStillRead(ports: AccessPorts, request: FastifyRequest, workspace: string): boolean {
  const principal = principalOf(ports, request)
  return principal !== undefined && (principal.kind === 'admin' || (principal.kind === 'read' && principal.workspace === workspace))
}
