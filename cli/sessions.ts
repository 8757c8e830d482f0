/**
 * The dashboard's session. On loopback without a password whoever opens the dashboard is the local admin, if the
 * request's Host is this server's own (else any site could point its name here and act through the visitor's browser,
 * DNS rebinding). With a password the browser asks for it once (Basic, user `admin`).
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { DEFAULT_WORKSPACE } from '../schemas/config.ts'
import type { Principal } from '../schemas/ports/workspaces.ts'
import { ADMIN_USER } from '../schemas/request-key.ts'
import { isLoopbackHost } from './settings.ts'

const COOKIE = 'kappa_session'
const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]'])

export interface Sessions {
  /** The admin, when the request carries a valid session and its Host is right. */
  principal(request: FastifyRequest): Principal | undefined
  /**
   * Lets the visitor in or not: `opened` (the reply now sets the cookie), `password` (it has to ask for one), or
   * `host` (the Host is not this server's).
   */
  open(request: FastifyRequest, reply: FastifyReply): 'opened' | 'password' | 'host'
}

/** Sessions under a secret of the installation, so that they outlive a restart, and end when the password changes. */
export function createSessions(options: { secret: Uint8Array; host: string; adminPassword: string | undefined }): Sessions {
  const { adminPassword } = options
  const token = createHmac('sha256', options.secret)
    .update(`admin-session:${adminPassword ?? ''}`)
    .digest('base64url')
  const checksHost = isLoopbackHost(options.host)

  const hostIsOurs = (request: FastifyRequest) =>
    !checksHost || LOOPBACK_HOSTS.has((request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase())

  return {
    principal(request) {
      const cookie = request.cookies[COOKIE]
      if (cookie === undefined || !isSame(cookie, token) || !hostIsOurs(request)) return undefined
      return { workspace: DEFAULT_WORKSPACE, kind: 'admin', keyId: 'session' }
    },
    open(request, reply) {
      if (!hostIsOurs(request)) return 'host'
      if (adminPassword !== undefined && !this.principal(request) && !isSame(basicPassword(request) ?? '', adminPassword)) return 'password'
      reply.setCookie(COOKIE, token, { path: '/', httpOnly: true, sameSite: 'strict' })
      return 'opened'
    },
  }
}

function basicPassword(request: FastifyRequest): string | undefined {
  const [, credentials] = /^Basic\s+(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  const [user, ...password] = Buffer.from(credentials ?? '', 'base64')
    .toString('utf8')
    .split(':')
  return user === ADMIN_USER ? password.join(':') : undefined
}

/** Compares digests, so that neither length nor content shows in the time. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(expected))
}
