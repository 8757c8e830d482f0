/** The key of a request: Bearer, Basic user name, or `?key=`; and the principal that it stands for. */
import type { IncomingHttpHeaders } from 'node:http'
import type { KeyKind } from '../schemas/config.ts'
import { RequestError } from '../schemas/errors.ts'
import type { Principal, Workspaces } from '../schemas/ports/workspaces.ts'

const KEY_LENGTH_MAX = 512

/** The secret that a request carries; a header wins over the query. */
export function requestKey(headers: IncomingHttpHeaders, query: Readonly<Record<string, unknown>>): string | undefined {
  const authorization = headers.authorization ?? ''
  const [, scheme = '', credentials = ''] = /^(\S+)\s+(\S+)\s*$/.exec(authorization.slice(0, 2 * KEY_LENGTH_MAX)) ?? []
  if (scheme.toLowerCase() === 'bearer') return credentials
  if (scheme.toLowerCase() === 'basic') return Buffer.from(credentials, 'base64').toString('utf8').split(':')[0] || undefined
  return typeof query.key === 'string' && query.key !== '' ? query.key : undefined
}

/**
 * Who sends. An admin key may act for the workspace that `?workspace=` names; any other key may name only its own.
 * @throws RequestError `key_missing`, `key_unknown`, `key_scope`, `parameter_invalid`
 */
export function authenticateRequest(
  headers: IncomingHttpHeaders,
  query: Readonly<Record<string, unknown>>,
  workspaces: Pick<Workspaces, 'authenticate' | 'exists'>,
  allowed: readonly KeyKind[],
): Principal {
  return authenticateSecret(requestKey(headers, query), query, workspaces, allowed)
}

/** The same for a key that was found elsewhere: SDKs put theirs into bodies and headers of their own. */
export function authenticateSecret(
  secret: string | undefined,
  query: Readonly<Record<string, unknown>>,
  workspaces: Pick<Workspaces, 'authenticate' | 'exists'>,
  allowed: readonly KeyKind[],
): Principal {
  if (secret === undefined) throw new RequestError('key_missing')
  const principal = secret.length > KEY_LENGTH_MAX ? undefined : workspaces.authenticate(secret)
  if (!principal) throw new RequestError('key_unknown')
  if (!allowed.includes(principal.kind)) throw new RequestError('key_scope')
  const { workspace } = query
  if (workspace === undefined || workspace === principal.workspace) return principal
  if (principal.kind !== 'admin') throw new RequestError('key_scope', 'Only an admin key may name another workspace.')
  if (typeof workspace !== 'string' || !workspaces.exists(workspace))
    throw new RequestError('parameter_invalid', 'There is no such workspace.')
  return { ...principal, workspace }
}
