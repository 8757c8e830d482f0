/** A replay over an open engine: asked for through the log, one workspace after the other, and told when its numbers stand. */
import { setTimeout as sleep } from 'node:timers/promises'
import { v7 as uuidV7 } from 'uuid'
import { replayName } from '../schemas/replay-name.ts'
import { readReplayDifferences } from '../warehouse/queries/replay-differences.ts'
import { readWorkspaceFacts } from '../warehouse/queries/workspace-facts.ts'
import { CommandError } from './command-error.ts'
import type { ReplayedWorkspace, ReplayLine, ReplayRequest } from './control-messages.ts'
import type { Engine } from './engine.ts'

const PROGRESS_MS = 250
/** Differences of a table that are told one by one. */
const TOLD_MAX = 500

/** Replays one workspace or all; yields progress and each workspace when its numbers stand. Throws CommandError `workspace_unknown`. */
export async function* replayEngine(engine: Engine, { workspace, fromMs }: ReplayRequest): AsyncGenerator<ReplayLine> {
  if (workspace !== undefined && !engine.workspaces.exists(workspace))
    throw new CommandError('workspace_unknown', `there is no workspace ${workspace}: see kappa keys list`)
  for (const name of workspace === undefined ? engine.workspaces.names() : [workspace]) yield* replayOne(engine, name, fromMs)
  yield { kind: 'end' }
}

async function* replayOne(engine: Engine, workspace: string, fromMs: number | undefined): AsyncGenerator<ReplayLine> {
  const startedAt = performance.now()
  const replay = { id: uuidV7(), fromMs }
  await engine.waitUntilReadable()
  const { events } = await readWorkspaceFacts(engine.reader, workspace)
  await engine.requestReplay({ workspace, replay })
  let isOver = false
  const over = engine.waitUntilReadable().finally(() => {
    isOver = true
  })
  over.catch(() => {}) // met by the await below
  while (!isOver) {
    const { rebuilding } = await engine.status()
    if (rebuilding)
      yield {
        kind: 'progress',
        done: rebuilding.events,
        total: events,
        doing: `${rebuilding.workspace}: ${rebuilding.events} of ${events} events`,
      }
    await Promise.race([over, sleep(PROGRESS_MS)])
  }
  await over
  const found = await readReplayDifferences(engine.reader, workspace, replayName(replay), TOLD_MAX)
  const replayed: ReplayedWorkspace = { workspace, replayId: replay.id, seconds: (performance.now() - startedAt) / 1000, ...found }
  yield { kind: 'workspace', workspace: replayed }
}
