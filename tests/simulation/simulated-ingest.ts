/** The ingest stage of one process, put together as in `cli/ingest-parts.ts`. */
import { validateItem } from '../../ingest/admit-event.ts'
import { BrokenOffImports } from '../../ingest/broken-off-imports.ts'
import { DedupeStep } from '../../ingest/dedupe/dedupe-step.ts'
import { GroupCommitter } from '../../ingest/group-committer.ts'
import { importItems } from '../../ingest/import-session.ts'
import { createIntake } from '../../ingest/intake.ts'
import type { CompanionLog } from '../../ingest/log/companions.ts'
import type { Clock } from '../../schemas/ports/clock.ts'
import type { KeptIds } from '../../schemas/ports/kept-ids.ts'
import type { Choices } from './seeded-choices.ts'
import type { Instance } from './machine.ts'

const WAITING_BYTES_MAX = 1024 * 1024
const IMPORT_BATCH_SIZE = 8

export interface SimulatedIngestParts {
  readonly log: CompanionLog
  readonly clock: Clock
  readonly choices: Choices
  readonly kept: KeptIds
  readonly waitUntilReadable: () => Promise<void>
}

/** Rejects with LogUnavailableError when the log can't be written at the first start. */
export async function openSimulatedIngest({
  log,
  clock,
  choices,
  kept,
  waitUntilReadable,
}: SimulatedIngestParts): Promise<Omit<Instance, 'stop'>> {
  const dedupe = await DedupeStep.open(log, clock, choices.bytes)
  const committer = new GroupCommitter({ log, dedupe, waitingBytesMax: WAITING_BYTES_MAX })
  const workspaces = { hashingSecret: () => new Uint8Array(32) }
  const newId = () => choices.bytes(8).toString('hex')
  const parts = { clock, workspaces, dedupe, committer, partitions: log.partitions, newId }
  const intake = createIntake(parts)
  const brokenOff = new BrokenOffImports()
  return {
    submit: (workspace, items) =>
      intake.submit({
        principal: { workspace, kind: 'server', keyId: 'simulated' },
        connectionIp: undefined,
        receivedAtMs: clock.nowMs(),
        shiftMs: 0,
        items: items.map((item) => ({ item, validated: validateItem(item) })),
      }),
    async importItems(workspace, importId, items) {
      await waitUntilReadable()
      async function* batches() {
        for (let start = 0; start < items.length; start += IMPORT_BATCH_SIZE) yield items.slice(start, start + IMPORT_BATCH_SIZE)
      }
      for await (const _ of importItems({ ...parts, workspace, importId, kept, brokenOff, items: batches() })) {
        // Progress is for people.
      }
    },
  }
}
