/**
 * Segment's HTTP API, analytics.js' short forms of it, and what the browser SDKs of Segment and RudderStack ask for before
 * they send anything.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TrackedKind } from '../../schemas/tracked-events.ts'
import { registerSdkAnswer, registerSdkRoutes, type SdkRoutesDeps, textUnder } from '../sdk/sdk-routes.ts'
import { fieldsOf } from '../sdk/sdk-message.ts'
import { segmentItems } from './segment-messages.ts'

/** The kind of message by path; undefined: each message says its own. */
const KIND_OF_PATH = new Map<string, TrackedKind | undefined>([
  ['/v1/track', 'track'],
  ['/v1/identify', 'identify'],
  ['/v1/page', 'page'],
  ['/v1/screen', 'screen'],
  ['/v1/group', 'group'],
  ['/v1/alias', 'alias'],
  ['/v1/batch', undefined],
  ['/v1/import', undefined],
  ['/v1/t', 'track'],
  ['/v1/i', 'identify'],
  ['/v1/p', 'page'],
  ['/v1/s', 'screen'],
  ['/v1/g', 'group'],
  ['/v1/a', 'alias'],
  ['/v1/b', undefined],
  ['/beacon/v1/batch', undefined],
])

/** A key that may stand in an answer. */
const KEY = /^[\w.~-]{1,512}$/

/** Registers Segment's and RudderStack's API. */
export function registerSegment(app: FastifyInstance, deps: SdkRoutesDeps): void {
  registerSdkRoutes(app, deps, {
    paths: [...KIND_OF_PATH.keys()],
    summary: 'Messages of Segment-style SDKs',
    bodyKey: (body) => textUnder(body, 'writeKey') ?? textUnder(fieldsOf(body)['batch'], 'writeKey'),
    itemsOf: (body, { path, receivedAtMs }) => segmentItems(body, KIND_OF_PATH.get(path), receivedAtMs),
    status: 200,
    answer: () => ({ success: true }),
  })
  // Counters of the SDK about itself: taken, since it would try again, and not kept.
  registerSdkAnswer(app, 'POST', ['/v1/m'], () => ({ body: { success: true } }))
  registerSdkAnswer(app, 'GET', ['/v1/projects/:key/settings'], (request) => ({ body: settingsOf(request) }))
  registerSdkAnswer(app, 'GET', ['/sourceConfig', '/sourceConfig/'], (request) => ({ body: sourceConfigOf(request) }))
}

/** The address that the client has for this server, so that one changed host is enough. */
function ownAddress(request: FastifyRequest): { readonly protocol: 'http' | 'https'; readonly host: string } {
  const isTls = request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https'
  return { protocol: isTls ? 'https' : 'http', host: request.host }
}

function settingsOf(request: FastifyRequest): object {
  const { key } = request.params as { readonly key: string }
  const { protocol, host } = ownAddress(request)
  return {
    integrations: { 'Segment.io': { apiKey: KEY.test(key) ? key : '', apiHost: `${host}/v1`, protocol } },
    plan: {
      track: { __default: { enabled: true, integrations: {} } },
      identify: { __default: { enabled: true } },
      group: { __default: { enabled: true } },
    },
    edgeFunction: {},
    analyticsNextEnabled: true,
    middlewareSettings: {},
    enabledMiddleware: {},
    metrics: { sampleRate: 0 },
    legacyVideoPluginsEnabled: false,
    remotePlugins: [],
  }
}

function sourceConfigOf(request: FastifyRequest): object {
  const { writeKey } = request.query as { readonly writeKey?: unknown }
  const basic = /^Basic (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const key = typeof writeKey === 'string' ? writeKey : (Buffer.from(basic, 'base64').toString('utf8').split(':')[0] ?? '')
  const updatedAt = '2026-01-01T00:00:00.000Z'
  return {
    source: {
      id: 'kappa',
      name: 'Kappa',
      writeKey: KEY.test(key) ? key : '',
      workspaceId: 'kappa',
      enabled: true,
      config: { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } },
      destinations: [],
      connections: [],
      updatedAt,
    },
    updatedAt,
    isHosted: false,
  }
}
