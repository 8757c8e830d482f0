/** PostHog's capture API, and the settings that posthog-js asks for: no flags, no recordings, nothing else to load. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { registerSdkAnswer, registerSdkRoutes, type SdkRoutesDeps } from '../sdk/sdk-routes.ts'
import { posthogItems, posthogKey } from './posthog-messages.ts'

const CAPTURE_PATHS = ['/batch', '/capture', '/e', '/i/v0/e'].flatMap((path) => [path, `${path}/`])

const REMOTE_CONFIG = {
  supportedCompression: ['gzip', 'gzip-js'],
  hasFeatureFlags: false,
  captureDeadClicks: false,
  capturePerformance: { network_timing: false, web_vitals: false, web_vitals_allowed_metrics: null },
  autocapture_opt_out: true,
  autocaptureExceptions: false,
  analytics: { endpoint: '/e/' },
  elementsChainAsString: true,
  errorTracking: { autocaptureExceptions: false, suppressionRules: [] },
  sessionRecording: false,
  heatmaps: false,
  defaultIdentifiedOnly: true,
  siteApps: [],
  toolbarParams: {},
  isAuthenticated: false,
}
const FLAGS = { featureFlags: {}, featureFlagPayloads: {}, flags: {}, errorsWhileComputingFlags: false }

/** Registers PostHog's API. */
export function registerPosthog(app: FastifyInstance, deps: SdkRoutesDeps): void {
  registerSdkRoutes(app, deps, {
    paths: CAPTURE_PATHS,
    summary: "Events of PostHog's SDKs",
    bodyKey: posthogKey,
    itemsOf: (body, { query, receivedAtMs }) => posthogItems(body, query, receivedAtMs),
    status: 200,
    answer: () => ({ status: 1 }),
  })
  registerSdkAnswer(app, 'POST', ['/flags', '/flags/', '/decide', '/decide/'], () => ({ body: { ...REMOTE_CONFIG, ...FLAGS } }))
  registerSdkAnswer(app, 'GET', ['/array/:key/config'], () => ({ body: REMOTE_CONFIG }))
  registerSdkAnswer(app, 'GET', ['/array/:key/config.js'], (request) => ({
    type: 'text/javascript; charset=utf-8',
    body: configScript(request),
  }))
}

/** The settings as posthog-js loads them: under its key, which is text of the address and so is written as JSON. */
function configScript(request: FastifyRequest): string {
  const { key } = request.params as { readonly key: string }
  const name = JSON.stringify(key).replaceAll('<', '\\u003c').replaceAll('\u2028', '').replaceAll('\u2029', '')
  const config = JSON.stringify({ config: REMOTE_CONFIG, siteApps: [] })
  return `(function(){window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{};window._POSTHOG_REMOTE_CONFIG[${name}]=${config}})();\n`
}
