/**
 * The control app: what commands ask of the process that has the data folder open. It listens on a socket that only the
 * owner of the folder can connect to, so it asks for no key.
 */
import type { Readable } from 'node:stream'
import process from 'node:process'
import Fastify, { type FastifyInstance } from 'fastify'
import { z } from 'zod'
import { DEFAULT_WORKSPACE, KEY_KINDS, workspaceName } from '../schemas/config.ts'
import { parseDurationMs } from '../schemas/windows.ts'
import { CommandError, describeError } from './command-error.ts'
import type { ControlFailure, ControlStatus, DoctorLine, ImportLine, ReplayLine, VerifyLine } from './control-messages.ts'
import { engineChecks } from './doctor-checks.ts'
import { type Engine, ROW_FORMATS, type RowFormat } from './engine.ts'
import { replayEngine } from './replay-run.ts'
import { addQuarantineControl } from './quarantine-control.ts'
import { answerLines, valid } from './control-answers.ts'
import { verifyEngine } from './verify-run.ts'
import { wholeLines } from './whole-lines.ts'

/** Progress of an import is told at most this often. */
const PROGRESS_INTERVAL_MS = 100

const sqlBody = z.strictObject({ sql: z.string().min(1), format: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) })
const importQuery = z.strictObject({
  workspace: workspaceName,
  import_id: z.string().min(1).max(128),
  format: z.enum(ROW_FORMATS).default('events'),
})
const keysQuery = z.strictObject({ workspace: workspaceName.optional(), kind: z.enum(KEY_KINDS).optional() })
const keyBody = z.strictObject({ workspace: workspaceName.default(DEFAULT_WORKSPACE), kind: z.enum(KEY_KINDS) })
const verifyBody = z.strictObject({
  workspace: workspaceName.optional(),
  window: z
    .string()
    .refine((text) => parseDurationMs(text) !== undefined, 'must be minutes, hours or days, such as 90m, 24h or 7d')
    .optional(),
  atMs: z.int().optional(),
  ends: z.int().min(1).optional(),
  all: z.boolean().optional(),
})

const replayBody = z.strictObject({ workspace: workspaceName.optional(), fromMs: z.int().min(0).optional() })

/** Builds the app over an open engine. Closing it lets imports that are under way end after the rows they have. */
export function createControlApp(engine: Engine): FastifyInstance {
  const app = Fastify({ logger: false, requestTimeout: 0, connectionTimeout: 0, keepAliveTimeout: 1_000 })
  const startedAtMs = engine.clock.nowMs()
  const closing = new AbortController()
  const uploads = new Set<Readable>()
  app.addHook('preClose', async () => {
    closing.abort()
    for (const upload of uploads) upload.destroy()
  })
  // Rows of an import are not gathered, but handed on as they come.
  app.addContentTypeParser('application/x-ndjson', (_request, payload, done) => done(null, payload))
  app.setErrorHandler((error, _request, reply) => {
    reply.code(400).send({ failure: describeError(error) } satisfies { failure: ControlFailure })
  })

  app.get('/status', async (): Promise<ControlStatus> => {
    return { ...(await engine.status()), pid: process.pid, startedAtMs, memoryPeakBytes: process.resourceUsage().maxRSS * 1024 }
  })

  app.post('/import', async (request, reply) => {
    const { workspace, import_id: importId, format } = valid(importQuery, request.query)
    const upload = request.body as Readable
    uploads.add(upload)
    return answerLines<ImportLine>(reply, async (write) => {
      try {
        await importInto(engine, { workspace, importId, format, upload, signal: closing.signal, write })
      } finally {
        uploads.delete(upload)
      }
    })
  })

  app.post('/sql', async (request, reply) => {
    const { sql, format } = valid(sqlBody, request.body)
    return reply.type('text/plain; charset=utf-8').send(await engine.operatorSql(sql, format))
  })

  app.post('/verify', async (request, reply) => {
    const asked = valid(verifyBody, request.body)
    return answerLines<VerifyLine>(reply, async (write) => {
      for await (const line of verifyEngine(engine, asked)) write(line)
    })
  })

  app.post('/replay', async (request, reply) => {
    const asked = valid(replayBody, request.body)
    return answerLines<ReplayLine>(reply, async (write) => {
      for await (const line of replayEngine(engine, asked)) write(line)
    })
  })

  app.post('/doctor', async (_request, reply) => {
    return answerLines<DoctorLine>(reply, async (write) => {
      for await (const check of engineChecks(engine)) write({ kind: 'check', check })
      write({ kind: 'end' })
    })
  })

  addQuarantineControl(app, engine)

  app.get('/keys', async (request) => {
    const { workspace, kind } = valid(keysQuery, request.query)
    return engine.workspaces.listKeys(workspace).filter((key) => kind === undefined || key.kind === kind)
  })

  app.post('/keys', async (request) => {
    const { workspace, kind } = valid(keyBody, request.body)
    await engine.workspaces.create(workspace)
    return engine.workspaces.createKey(workspace, kind)
  })

  app.delete('/keys/:id', async (request) => {
    const { id } = request.params as { readonly id: string }
    const key = engine.workspaces.listKeys().find((one) => one.id === id)
    if (key === undefined) throw new CommandError('key_unknown', `there is no key with the id ${id}: see kappa keys list`)
    if (!(await engine.workspaces.revokeKey(id))) throw new CommandError('key_revoked', `the key ${id} was revoked before`)
    return key
  })

  return app
}

interface ImportWork {
  readonly workspace: string
  readonly importId: string
  readonly format: RowFormat
  readonly upload: Readable
  readonly signal: AbortSignal
  readonly write: (line: ImportLine) => void
}

async function importInto(engine: Engine, { workspace, importId, format, upload, signal, write }: ImportWork): Promise<void> {
  const startedAt = performance.now()
  let stopped = false
  const chunks = wholeLines(upload, {
    signal,
    onBreak: () => {
      stopped = true
    },
  })
  let toldAt = Number.NEGATIVE_INFINITY
  let last: ImportLine | undefined
  for await (const progress of engine.importRows({ workspace, importId, format, chunks })) {
    const seconds = (performance.now() - startedAt) / 1000
    last = { kind: 'end', progress, seconds, stopped: stopped || signal.aborted }
    if (performance.now() - toldAt < PROGRESS_INTERVAL_MS) continue
    toldAt = performance.now()
    write({ kind: 'progress', progress })
  }
  if (last !== undefined) write(last)
}
