/** `/openapi.json`, from the zod schemas of the routes. */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'

/** A zod schema as the JSON Schema that a route's description carries; `input` for what is sent to us. */
export function describedAs(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...described } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return described
}

/**
 * Collects the descriptions of all routes added to `app` from now on and serves them. Call it on the root, before the
 * plugins with routes.
 */
export async function registerOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Kappa', description: 'Viral growth, live and verified.', version, license: { name: 'Apache-2.0' } },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'A key: Authorization: Bearer KEY' },
          basic: { type: 'http', scheme: 'basic', description: 'A key as the user name' },
          query: { type: 'apiKey', in: 'query', name: 'key' },
        },
      },
    },
  })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}
