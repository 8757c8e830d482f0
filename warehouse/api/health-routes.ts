/** `/healthz`, `/readyz`, `/metrics`: for whoever runs Kappa. Without key, and without anything of a workspace. */
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'

export interface ReadinessProbe {
  /** What is looked at, such as `log`, `warehouse`, `processors`. */
  readonly name: string
  /** Undefined when ready, else why not. Rejecting counts as not ready. */
  check(): Promise<string | undefined> | string | undefined
}

/** How far what is readable is behind what is in the log. */
export interface SinkLag {
  readonly events: number
  readonly ms: number
}

export interface HealthPorts {
  readonly probes: readonly ReadinessProbe[]
  readonly sinkLag: () => SinkLag | Promise<SinkLag>
  readonly metrics: Registry
}

async function failing({ name, check }: ReadinessProbe): Promise<{ name: string; reason: string }[]> {
  try {
    const reason = await check()
    return reason === undefined ? [] : [{ name, reason }]
  } catch (error) {
    return [{ name, reason: error instanceof Error ? error.message : String(error) }]
  }
}

/** Adds the three routes. `/readyz` is 200 or 503, with the names of what is not ready and the sink's lag. */
export function addHealthRoutes(app: FastifyInstance, { probes, sinkLag, metrics }: HealthPorts): void {
  app.get('/healthz', { schema: { summary: 'Whether the process lives', tags: ['operations'] } }, async () => ({ status: 'ok' }))

  app.get(
    '/readyz',
    { schema: { summary: 'Whether requests can be served, and what is missing', tags: ['operations'] } },
    async (_, reply) => {
      const notReady = (await Promise.all(probes.map(failing))).flat()
      const lag = await sinkLag()
      return reply.code(notReady.length === 0 ? 200 : 503).send({
        ready: notReady.length === 0,
        not_ready: notReady,
        sink_lag: { events: lag.events, ms: lag.ms },
      })
    },
  )

  app.get('/metrics', { schema: { summary: 'Prometheus metrics', tags: ['operations'] } }, async (_, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  )
}
