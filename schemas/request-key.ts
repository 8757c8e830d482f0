/** How a request carries a key (CONTRACT "HTTP"): Bearer, the Basic user name (Segment's way), or `?key=`; a header wins. */

const KEY_LENGTH_MAX = 512
/** The user that signs in to the dashboard by password: the browser then sends this name with every request, and it is no key. */
export const ADMIN_USER = 'admin'

/** The secret that a request carries, unchecked; undefined when it carries none. */
export function requestKey(authorization: string | undefined, query: Readonly<Record<string, unknown>>): string | undefined {
  const [, scheme = '', credentials = ''] = /^(\S+)\s+(\S+)\s*$/.exec((authorization ?? '').slice(0, 2 * KEY_LENGTH_MAX)) ?? []
  if (scheme.toLowerCase() === 'bearer') return credentials
  if (scheme.toLowerCase() === 'basic') {
    const user = Buffer.from(credentials, 'base64').toString('utf8').split(':')[0]
    if (user !== ADMIN_USER) return user || undefined
  }
  return typeof query.key === 'string' && query.key !== '' ? query.key : undefined
}
