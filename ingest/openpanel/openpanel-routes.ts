/** OpenPanel's `/track`. Its client id or its client secret is our key. */
import type { FastifyInstance } from 'fastify'
import { textOf } from '../sdk/sdk-message.ts'
import { registerSdkRoutes, type SdkRoutesDeps, textUnder } from '../sdk/sdk-routes.ts'
import { openpanelItems } from './openpanel-messages.ts'

/** Registers OpenPanel's API. */
export function registerOpenpanel(app: FastifyInstance, deps: SdkRoutesDeps): void {
  registerSdkRoutes(app, deps, {
    paths: ['/track', '/track/'],
    summary: "Events of OpenPanel's SDKs",
    // The secret first: where both are given, it is the one that says "a server".
    headerKeys: (headers) =>
      ['openpanel-client-secret', 'openpanel-client-id'].flatMap((name) => {
        const key = textOf(headers[name])
        return key === undefined ? [] : [key]
      }),
    bodyKey: (body) => textUnder(body, 'clientId'),
    itemsOf: (body, { headers, visitorId }) => openpanelItems(body, headers, visitorId),
    status: 200,
    answer: (_response, { visitorId }) => ({ deviceId: visitorId, sessionId: '' }),
  })
}
