/** A whole ingest on a log in memory (or any other), with clock and ids by hand: what the tests of ingest start from. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import { DedupeStep } from '../../ingest/dedupe/dedupe-step.ts'
import { GroupCommitter } from '../../ingest/group-committer.ts'
import type { CompanionLog } from '../../ingest/log/companions.ts'
import { createMemoryLog } from '../../ingest/log/memory.ts'
import { createIntake } from '../../ingest/intake.ts'
import { createPipeline } from '../../ingest/pipeline.ts'
import { createEventMap } from '../../ingest/segment/event-map.ts'
import { createIngestRoutes } from '../../ingest/server.ts'
import type { KeyKind } from '../../schemas/config.ts'
import { type LogRecord, logRecord } from '../../schemas/log-records.ts'
import type { Principal } from '../../schemas/ports/workspaces.ts'

export const NOW_MS = Date.UTC(2026, 5, 15, 12)

export interface IngestFixture {
  readonly app: FastifyInstance
  readonly log: CompanionLog
  readonly dedupe: DedupeStep
  readonly committer: GroupCommitter
  readonly clock: { nowMs(): number; set(ms: number): void }
  readonly newId: () => string
  readonly workspaces: {
    authenticate(secret: string): Principal | undefined
    exists(workspace: string): boolean
    hashingSecret(workspace: string): Uint8Array
  }
  /** Posts a body to /v1/events with a key of the kind (`${kind}-key`, workspace `default`). */
  post(
    body: unknown,
    options?: { kind?: KeyKind; headers?: Record<string, string>; query?: string },
  ): Promise<{ status: number; body: Record<string, unknown>; headers: Record<string, unknown> }>
  /** Every record of the log, by partition and offset, checked against the schema. */
  records(): Promise<LogRecord[]>
  close(): Promise<void>
}

const KINDS: readonly KeyKind[] = ['write', 'server', 'read', 'admin']

/** Starts an ingest; keys are `write-key`, `server-key`, ... of `default`, and `other-write-key`, ... of `other`. */
export async function startIngest(
  options: { log?: CompanionLog; partitions?: number; waitingBytesMax?: number } = {},
): Promise<IngestFixture> {
  const partitions = options.partitions ?? 3
  const log = options.log ?? createMemoryLog({ partitions })
  let nowMs = NOW_MS
  const clock = { nowMs: () => nowMs, set: (ms: number) => (nowMs = ms) }
  let ids = 0
  const newId = () => `made-${++ids}`
  const seeded = (length: number) => createHash('sha512').update('seed').digest().subarray(0, length)
  const dedupe = await DedupeStep.open(log, clock, seeded)
  const committer = new GroupCommitter({ log, dedupe, waitingBytesMax: options.waitingBytesMax ?? 64 * 1024 * 1024 })
  const workspaces: IngestFixture['workspaces'] = {
    authenticate(secret) {
      for (const kind of KINDS) {
        if (secret === `${kind}-key`) return { workspace: 'default', kind, keyId: kind }
        if (secret === `other-${kind}-key`) return { workspace: 'other', kind, keyId: `other-${kind}` }
      }
      return undefined
    },
    exists: (workspace) => workspace === 'default' || workspace === 'other',
    hashingSecret: (workspace) => createHash('sha256').update(workspace).digest(),
  }
  const intake = createIntake({ clock, workspaces, dedupe, committer, partitions, newId })
  const pipeline = createPipeline({ committer, intake })
  const app = Fastify({ logger: false })
  await app.register(
    createIngestRoutes({
      workspaces,
      pipeline,
      committer,
      intake,
      eventMap: createEventMap(),
      browserSdkPath: join(import.meta.dirname, 'ingest-fixture.ts'),
    }),
  )
  await app.ready()

  return {
    app,
    log,
    dedupe,
    committer,
    clock,
    newId,
    workspaces,
    async post(body, { kind = 'server', headers = {}, query = '' } = {}) {
      const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
      const response = await app.inject({
        method: 'POST',
        url: `/v1/events${query}`,
        headers: { authorization: `Bearer ${kind}-key`, 'content-type': 'application/json', ...headers },
        payload,
      })
      return { status: response.statusCode, body: response.json<Record<string, unknown>>(), headers: response.headers }
    },
    async records() {
      const all: LogRecord[] = []
      for (let partition = 0; partition < partitions; partition++) {
        for (const { value } of await log.read(partition, 0, 1_000_000))
          all.push(logRecord.parse(JSON.parse(Buffer.from(value).toString())))
      }
      return all
    },
    async close() {
      await app.close()
      await log.close()
    },
  }
}

export const share = (fields: Record<string, unknown> = {}) => ({ type: 'share', actor_id: 'ada', content_id: 'post-1', ...fields })
export const signup = (fields: Record<string, unknown> = {}) => ({ type: 'conversion', actor_id: 'ada', kind: 'signup', ...fields })
export const invite = (fields: Record<string, unknown> = {}) => ({
  type: 'invite',
  actor_id: 'ada',
  action: 'sent',
  invite_id: 'i1',
  ...fields,
})
export const rum = (fields: Record<string, unknown> = {}) => ({ type: 'rum', name: 'LCP', value: 1200, page: '/', ...fields })
