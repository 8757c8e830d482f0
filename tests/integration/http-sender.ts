/** Sends events as a busy client would: several requests at once, in every form that the route takes. */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Random } from '../../simulate/random.ts'
import type { SourceEvent } from './shuffled-events.ts'

const compress = promisify(gzip)

export interface SendTally {
  accepted: number
  duplicates: number
  quarantined: number
  /** Requests by form. */
  readonly forms: Record<'object' | 'array' | 'ndjson' | 'gzipped ndjson', number>
}

interface SendOptions {
  readonly url: string
  readonly key: string
  readonly batches: readonly (readonly SourceEvent[])[]
  readonly concurrency: number
  /** Requests under way together never span more than this, so that overtaking makes nothing too late. */
  readonly reachMs: number
  readonly random: Random
}

type Form = keyof SendTally['forms']

/** Rejects when a request is not answered with 202. */
export async function sendOverHttp({ url, key, batches, concurrency, reachMs, random }: SendOptions): Promise<SendTally> {
  const tally: SendTally = { accepted: 0, duplicates: 0, quarantined: 0, forms: { object: 0, array: 0, ndjson: 0, 'gzipped ndjson': 0 } }
  const underWay = new Map<Promise<void>, number>()
  for (const batch of batches) {
    const newestMs = Math.max(...batch.map(({ occurredAtMs }) => occurredAtMs))
    while (underWay.size >= concurrency || newestMs - Math.min(Number.POSITIVE_INFINITY, ...underWay.values()) > reachMs) {
      await Promise.race(underWay.keys())
    }
    const form = pickForm(batch, random)
    tally.forms[form] += 1
    const request: Promise<void> = send(url, key, batch, form).then((answer) => {
      tally.accepted += answer.accepted
      tally.duplicates += answer.duplicates
      tally.quarantined += answer.quarantined.length
      underWay.delete(request)
    })
    underWay.set(request, Math.min(...batch.map(({ occurredAtMs }) => occurredAtMs)))
  }
  await Promise.all(underWay.keys())
  return tally
}

function pickForm(batch: readonly SourceEvent[], random: Random): Form {
  const draw = random.uniform()
  if (batch.length === 1 && draw < 0.5) return 'object'
  if (draw < 0.6) return 'array'
  return draw < 0.8 ? 'ndjson' : 'gzipped ndjson'
}

async function send(url: string, key: string, batch: readonly SourceEvent[], form: Form) {
  const lines = batch.map(({ line }) => line)
  const isNdjson = form === 'ndjson' || form === 'gzipped ndjson'
  const text = isNdjson ? lines.join('\n') : form === 'array' ? `[${lines.join(',')}]` : (lines[0] ?? '')
  const response = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': isNdjson ? 'application/x-ndjson' : 'application/json',
      ...(form === 'gzipped ndjson' ? { 'content-encoding': 'gzip' } : {}),
    },
    body: form === 'gzipped ndjson' ? new Uint8Array(await compress(text)) : text,
  })
  if (response.status !== 202) throw new Error(`${form} of ${batch.length}: ${response.status} ${await response.text()}`)
  return (await response.json()) as { accepted: number; duplicates: number; quarantined: unknown[] }
}
