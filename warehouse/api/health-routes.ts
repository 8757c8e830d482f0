/** `/healthz`, `/readyz`, `/metrics`: for whoever runs Kappa. Without key, and without anything of a workspace. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import type { Clock } from '../../schemas/ports/clock.ts'
import { type Readiness, readiness } from '../../schemas/readiness-api.ts'
import { describedAs } from './openapi.ts'

export interface ReadinessProbe {
  /** What is looked at, such as `log`, `warehouse`, `processors`. */
  readonly name: string
  /** Undefined when ready, else why not. Rejecting counts as not ready, and so does no answer within 3 s. */
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
  readonly clock: Clock
}

/** Whoever asks for readiness waits no longer than a few seconds: what hangs is to be named before that. */
const ANSWER_MS_MAX = 3_000

/** What `work` gives, or `otherwise` when that takes too long. */
function inTime<Result>(work: () => Promise<Result> | Result, otherwise: Result): Promise<Result> {
  return Promise.race([(async () => work())(), sleep(ANSWER_MS_MAX, otherwise, { ref: false })])
}

async function failing({ name, check }: ReadinessProbe): Promise<{ name: string; reason: string }[]> {
  try {
    const reason = await inTime(check, `does not answer within ${ANSWER_MS_MAX / 1_000} s`)
    return reason === undefined ? [] : [{ name, reason }]
  } catch (error) {
    return [{ name, reason: error instanceof Error ? error.message : String(error) }]
  }
}

/** Null when it can't be told: the log is away, which its probe says. */
async function knownLag(sinkLag: HealthPorts['sinkLag']): Promise<SinkLag | null> {
  try {
    return await inTime<SinkLag | null>(sinkLag, null)
  } catch {
    return null
  }
}

/** Adds the three routes. `/readyz` is 200 or 503, with the names of what is not ready and the sink's lag. */
export function addHealthRoutes(app: FastifyInstance, { probes, sinkLag, metrics, clock }: HealthPorts): void {
  /** When what is not ready was first found so, by name. */
  let sinceMs = new Map<string, number>()
  app.get('/healthz', { schema: { summary: 'Whether the process lives', tags: ['operations'] } }, async () => ({ status: 'ok' }))

  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Whether requests can be served, and what is missing',
        tags: ['operations'],
        response: { 200: describedAs(readiness, 'output'), 503: describedAs(readiness, 'output') },
      },
    },
    async (_, reply) => {
      const [found, lag] = await Promise.all([Promise.all(probes.map(failing)), knownLag(sinkLag)])
      const notReady = found.flat()
      sinceMs = new Map(notReady.map(({ name }) => [name, sinceMs.get(name) ?? clock.nowMs()]))
      return reply.code(notReady.length === 0 ? 200 : 503).send({
        ready: notReady.length === 0,
        not_ready: notReady.map((one) => ({ ...one, since: new Date(sinceMs.get(one.name) as number).toISOString() })),
        sink_lag: lag && { events: lag.events, ms: lag.ms },
      } satisfies Readiness)
    },
  )

  app.get('/metrics', { schema: { summary: 'Prometheus metrics', tags: ['operations'] } }, async (_, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  )
}
