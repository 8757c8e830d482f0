/** The quarantine over the control socket, for whoever owns the data folder. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { workspaceName } from '../schemas/config.ts'
import { readQuarantine, readQuarantineCounts } from '../warehouse/queries/quarantine-pages.ts'
import { CommandError } from './command-error.ts'
import { answerLines, valid } from './control-answers.ts'
import type { QuarantineLine, QuarantineList } from './control-messages.ts'
import type { Engine } from './engine.ts'
import { QuarantineDesk } from './quarantine-run.ts'

const listBody = z.strictObject({
  workspace: workspaceName,
  code: z.string().optional(),
  state: z.enum(['open', 'retried', 'discarded', 'all']),
  fromMs: z.int().optional(),
  toMs: z.int().optional(),
  limit: z.int().min(1).max(10_000),
})
const settleBody = z.strictObject({
  workspace: workspaceName,
  action: z.enum(['retry', 'discard']),
  ids: z.array(z.string().min(1)).min(1).max(10_000).optional(),
  code: z.string().optional(),
})

/** Adds the routes to the control app. */
export function addQuarantineControl(app: FastifyInstance, engine: Engine): void {
  const desk = new QuarantineDesk(engine)

  app.post('/quarantine', async (request): Promise<QuarantineList> => {
    const { workspace, state, limit, ...asked } = valid(listBody, request.body)
    const filter = { ...asked, state: state === 'all' ? undefined : state }
    const rows = await readQuarantine(engine.reader, workspace, { ...filter, limit })
    return {
      counts: await readQuarantineCounts(engine.reader, workspace, filter),
      rows: rows.map(({ received_ms, settled_ms, partition, offset, ...row }) => ({
        ...row,
        received_at: new Date(received_ms).toISOString(),
        settled_at: settled_ms === null ? null : new Date(settled_ms).toISOString(),
      })),
    }
  })

  app.post('/quarantine/settle', async (request, reply) => {
    const { workspace, action, ids, code } = valid(settleBody, request.body)
    return answerLines<QuarantineLine>(reply, async (write) => {
      if (ids === undefined) for await (const events of desk.settleAll(workspace, { code }, action)) write({ kind: 'settled', events })
      else
        for (const id of ids) {
          const settled = await desk.settleOne(workspace, id, action)
          if (settled === 'unknown') throw new CommandError('quarantine_unknown', `the quarantine of ${workspace} has no event ${id}`)
          if (settled === 'settled') throw new CommandError('already_settled', `the event ${id} was settled before`)
          write({ kind: 'settled', events: [settled] })
        }
      write({ kind: 'end' })
    })
  })
}
