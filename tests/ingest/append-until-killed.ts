/**
 * A process that ingests until it is killed and prints each acknowledged event id: `node ... FOLDER`.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { DedupeStep } from '../../ingest/dedupe/dedupe-step.ts'
import { GroupCommitter } from '../../ingest/group-committer.ts'
import { openLmdbLog } from '../../ingest/log/lmdb.ts'
import { createIntake } from '../../ingest/intake.ts'
import { createPipeline } from '../../ingest/pipeline.ts'

const [path = ''] = process.argv.slice(2)
const clock = { nowMs: () => Date.now() }
const log = await openLmdbLog({ path, partitions: 2 })
const dedupe = await DedupeStep.open(log, clock, randomBytes)
const committer = new GroupCommitter({ log, dedupe, waitingBytesMax: 64 * 1024 * 1024 })
const workspaces = { hashingSecret: () => new Uint8Array(32) }
const intake = createIntake({ clock, workspaces, dedupe, committer, partitions: 2, newId: randomUUID })
const pipeline = createPipeline({ committer, intake })

/** Straight to the descriptor: nothing that was said may be lost in a buffer of this process. */
const say = (line: string) => writeSync(1, `${line}\n`)

async function send(sender: number): Promise<void> {
  for (let i = 0; ; i++) {
    const ids = Array.from({ length: 1 + ((sender + i) % 5) }, (_, j) => `${process.pid}-${sender}-${i}-${j}`)
    const events = ids.map((event_id) => ({
      type: 'share',
      actor_id: `a${i % 50}`,
      content_id: 'c',
      event_id,
      properties: { filler: 'x'.repeat(300) },
    }))
    await pipeline({
      principal: { workspace: 'default', kind: 'server', keyId: 'k' },
      body: Buffer.from(JSON.stringify(events)),
      contentEncoding: undefined,
      ndjson: false,
      connectionIp: undefined,
    })
    say(ids.join('\n'))
  }
}

await Promise.all(Array.from({ length: 20 }, (_, sender) => send(sender)))
