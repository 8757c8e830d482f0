/**
 * What the same machine does without the product, in the same minute: parsing the same bytes on one core, appending them
 * to the bare log, inserting them into a bare table. Rates of one machine drift within minutes, shares hardly.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openLmdbLog } from '../../ingest/log/lmdb.ts'
import { openChdbWarehouse } from '../../warehouse/drivers/chdb.ts'
import { percentile } from './bench-figures.ts'
import { readLines } from './bench-requests.ts'

export interface ParseJob {
  readonly path: string
  readonly eventsMax: number
}

export interface AppendJob extends ParseJob {
  /** Events of an append. */
  readonly batch: number
  /** Folder in which a log is made for the time of the job. */
  readonly folder: string
}

export interface AppendReport {
  readonly eventsPerSecond: number
  /** Of one append that is waited for. */
  readonly p99Ms: number
}

export interface InsertJob {
  readonly path: string
  readonly folder: string
}

const APPENDS_AT_ONCE = 64

/** Lines a second through `JSON.parse` on one core: the better of two passes, so that the compiler's warming up does not count. */
export async function parseRate({ path, eventsMax }: ParseJob): Promise<number> {
  const lines = readLines(path, eventsMax)
  const pass = () => {
    const startedAtMs = performance.now()
    let parsed = 0
    // From bytes, as the product gets them.
    for (const line of lines) if (typeof JSON.parse(line.toString()) === 'object') parsed += 1
    return parsed / ((performance.now() - startedAtMs) / 1_000)
  }
  return Math.max(pass(), pass())
}

/** Events a second that the log alone makes durable, in the same batches. */
export async function appendRate({ path, eventsMax, batch, folder }: AppendJob): Promise<AppendReport> {
  const lines = readLines(path, eventsMax)
  const place = await mkdtemp(join(folder, 'append-'))
  const log = await openLmdbLog({ path: place, partitions: 1 })
  const tookMs: number[] = []
  try {
    const startedAtMs = performance.now()
    let next = 0
    const appendAll = async () => {
      while (next < lines.length) {
        const values = lines.slice(next, next + batch)
        next += batch
        const fromMs = performance.now()
        await log.append(values.map((value) => ({ partition: 0, value })))
        tookMs.push(performance.now() - fromMs)
      }
    }
    await Promise.all(Array.from({ length: APPENDS_AT_ONCE }, appendAll))
    return { eventsPerSecond: lines.length / ((performance.now() - startedAtMs) / 1_000), p99Ms: percentile(tookMs, 99) }
  } finally {
    await log.close()
    await rm(place, { recursive: true, force: true })
  }
}

/** Rows a second that the engine alone takes of the same file into one sorted table without indexes or views. */
export async function insertRate({ path, folder }: InsertJob): Promise<number> {
  const place = await mkdtemp(join(folder, 'insert-'))
  const warehouse = await openChdbWarehouse({ path: place })
  try {
    await warehouse.command(`CREATE TABLE bare (
      type LowCardinality(String), event_id String, actor_id String, occurred_at DateTime64(3), channel LowCardinality(String),
      kind LowCardinality(String), action LowCardinality(String), invite_id String, referrer_id String, content_id String,
      share_id String, campaign LowCardinality(String), variant LowCardinality(String), referral_code String
    ) ENGINE = MergeTree ORDER BY (occurred_at, event_id)`)
    const source = path.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
    const startedAtMs = performance.now()
    await warehouse.command(`INSERT INTO bare SETTINGS input_format_skip_unknown_fields = 1, date_time_input_format = 'best_effort'
      SELECT * FROM file('${source}', 'JSONEachRow', '${STRUCTURE}')`)
    const seconds = (performance.now() - startedAtMs) / 1_000
    const [counted] = await warehouse.rows<{ rows: number }>('SELECT count() AS rows FROM bare')
    return (counted?.rows ?? 0) / seconds
  } finally {
    await warehouse.close()
    await rm(place, { recursive: true, force: true })
  }
}

const STRUCTURE = [
  'type String, event_id String, actor_id String, occurred_at DateTime64(3), channel String',
  'kind String, action String, invite_id String, referrer_id String, content_id String',
  'share_id String, campaign String, variant String, referral_code String',
].join(', ')
