/** The key of a request: Bearer, Basic user name, or `?key=`; and the principal that it stands for. */
import type { IncomingHttpHeaders } from 'node:http'
import type { KeyKind } from '../schemas/config.ts'
import { RequestError } from '../schemas/errors.ts'
import { requestKey } from '../schemas/request-key.ts'
import type { Principal, Workspaces } from '../schemas/ports/workspaces.ts'

const KEY_LENGTH_MAX = 512
/** Keys that may send events. */
export const EVENT_SENDERS: readonly KeyKind[] = ['write', 'server', 'admin']

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
  return authenticateSecret(requestKey(headers.authorization, query), query, workspaces, allowed)
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
