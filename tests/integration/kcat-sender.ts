/** Writes events straight into the topic with kcat, by what docs/topic-format.md says and nothing else. */
import { spawn } from 'node:child_process'
import { pipeline } from 'node:stream/promises'
import type { SourceEvent } from './shuffled-events.ts'

interface KcatPlace {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly workspace: string
}

/** Rejects when kcat doesn't take everything. */
export async function sendByKcat({ brokers, topic, workspace }: KcatPlace, events: readonly SourceEvent[]): Promise<void> {
  const settings = ['-K', '\t', '-X', 'topic.partitioner=murmur2', '-X', 'topic.request.required.acks=-1']
  const child = spawn('kcat', ['-P', '-b', brokers.join(','), '-t', topic, ...settings], { stdio: ['pipe', 'inherit', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const closed = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  await pipeline(keyedRecords(events, workspace), child.stdin).catch(() => {}) // that it ended before it had all, its status says
  const status = await closed
  if (status !== 0) throw new Error(`kcat ended with ${status}: ${stderr}`)
}

/** `workspace NUL actor TAB record`; these events carry no personal data, so their fields stand in the record as they are. */
function* keyedRecords(events: readonly SourceEvent[], workspace: string): Generator<string> {
  for (const { line, occurredAtMs } of events) {
    const event = JSON.parse(line) as { readonly actor_id: string }
    const record = { v: 1, workspace, received_at: Date.now(), ...event, occurred_at: occurredAtMs }
    yield `${workspace}\0${event.actor_id}\t${JSON.stringify(record)}\n`
  }
}
