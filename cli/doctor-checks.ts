/** What `kappa doctor` asks of an open engine, each check a line with what to do. */
import type { Engine } from './engine.ts'
import type { DoctorCheck } from './control-messages.ts'
import { describeError } from './command-error.ts'
import { DAY_MS, MINUTE_MS } from '../schemas/windows.ts'
import { MIGRATIONS } from '../warehouse/migrations/migrate.ts'

const LAG_WARN_RECORDS = 100_000
const KEY_AGE_WARN_MS = 365 * DAY_MS
/** Time of a workspace is that of receipt at most: it is ahead of the clock only where the clock was set back. */
const AHEAD_WARN_MS = 5 * MINUTE_MS
/** Fewer arrivals than this may well fall together. */
const ARRIVALS_MIN = 30
/** A larger share of the arrivals in one minute is an import that did not say when they happened. */
const SAME_INSTANT_SHARE_MAX = 0.5

/** Runs the checks one after another; a check that can't be made is one that failed. */
export async function* engineChecks(engine: Engine): AsyncGenerator<DoctorCheck> {
  for (const [name, check] of CHECKS) {
    try {
      for (const found of await check(engine)) yield { name, ...found }
    } catch (error) {
      yield { name, state: 'fail', message: describeError(error).message }
    }
  }
}

type Found = Omit<DoctorCheck, 'name'>
type Check = (engine: Engine) => Promise<Found[]>

const CHECKS: readonly (readonly [name: string, check: Check])[] = [
  ['log', logIsReadable],
  ['processors', processorsRun],
  ['commits', commitsAreClosed],
  ['warehouse schema', schemaIsOurs],
  ['lag', lagIsSmall],
  ['watermark', watermarks],
  ['arrivals', arrivalsAreSpread],
  ['keys', keysAreYoung],
]

async function logIsReadable({ log }: Engine): Promise<Found[]> {
  let records = 0
  for (let partition = 0; partition < log.partitions; partition += 1) {
    let offset = await log.startOffset(partition)
    const end = await log.endOffset(partition)
    while (offset < end) {
      const messages = await log.read(partition, offset, 10_000)
      const last = messages.at(-1)
      if (last === undefined)
        return [{ state: 'fail', message: `partition ${partition} ends at offset ${offset}, not ${end}: restore a backup` }]
      offset = last.offset + 1
      records += messages.length
      // A running product goes on answering meanwhile.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return [{ state: 'ok', message: `${records.toLocaleString('en-US')} records read from end to end, every checksum holds` }]
}

async function processorsRun(engine: Engine): Promise<Found[]> {
  const { ready, notReady } = await engine.status()
  return [ready ? { state: 'ok', message: 'running' } : { state: 'fail', message: `${notReady.join('; ')}: see the log of the process` }]
}

async function commitsAreClosed(engine: Engine): Promise<Found[]> {
  const before = await engine.status()
  const open = before.processedOffsets.reduce((sum, offset, partition) => sum + offset - (before.committedOffsets[partition] ?? 0), 0)
  if (open === 0) return [{ state: 'ok', message: 'none is open' }]
  await engine.waitUntilReadable()
  return [{ state: 'ok', message: `one of ${open} records was open and is in now` }]
}

async function schemaIsOurs(engine: Engine): Promise<Found[]> {
  const version = Number(await engine.operatorSql('SELECT max(version) FROM schema_migrations', 'TSVRaw'))
  const known = MIGRATIONS.length
  if (version === known) return [{ state: 'ok', message: `version ${version}` }]
  return [{ state: 'fail', message: `version ${version}, this build knows ${known}: restart kappa up with the newest build` }]
}

async function lagIsSmall(engine: Engine): Promise<Found[]> {
  const { lagRecords } = await engine.status()
  const message = `${lagRecords.toLocaleString('en-US')} records are in the log and not yet in the numbers`
  return [
    lagRecords <= LAG_WARN_RECORDS
      ? { state: 'ok', message }
      : { state: 'warn', message: `${message}: wait, or see whether the disk keeps up` },
  ]
}

async function watermarks(engine: Engine): Promise<Found[]> {
  const { workspaces } = await engine.status()
  if (workspaces.length === 0) return [{ state: 'ok', message: 'no events yet' }]
  const nowMs = engine.clock.nowMs()
  return workspaces.map(({ name, watermarkMs, lateEvents }) => {
    const at = watermarkMs === null ? 'before its first event' : `at ${new Date(watermarkMs).toISOString()}`
    if ((watermarkMs ?? nowMs) - nowMs > AHEAD_WARN_MS) {
      const why = 'which this clock has not reached: it was ahead once, or is behind now'
      return { state: 'warn', message: `${name} is ${at}, ${why}; events more than 7 days before that are late: kappa import them` }
    }
    if (lateEvents === 0) return { state: 'ok', message: `${name} is ${at}` }
    const late = `${lateEvents.toLocaleString('en-US')} events came more than 7 days late and count nowhere`
    return { state: 'warn', message: `${name} is ${at}; ${late}: kappa import them to count them` }
  })
}

interface ArrivalRow {
  readonly workspace: string
  readonly people: number
  readonly together: number
  readonly at_ms: number
}

const ARRIVALS_SQL = `
SELECT workspace, sum(arrived) AS people, max(arrived) AS together, argMax(minute, arrived) * ${MINUTE_MS} AS at_ms
FROM (
  SELECT workspace, intDiv(toUnixTimestamp64Milli(ifNull(signup_at, assumeNotNull(first_activity_at))), ${MINUTE_MS}) AS minute, count() AS arrived
  FROM (SELECT * FROM people FINAL WHERE signup_at IS NOT NULL OR first_activity_at IS NOT NULL)
  GROUP BY workspace, minute
)
GROUP BY workspace
ORDER BY workspace`

async function arrivalsAreSpread(engine: Engine): Promise<Found[]> {
  const rows = (await engine.operatorSql(ARRIVALS_SQL, 'JSONEachRow')).split('\n').filter((line) => line !== '')
  const found = rows
    .map((line) => JSON.parse(line) as ArrivalRow)
    .filter(({ people, together }) => people >= ARRIVALS_MIN && together / people > SAME_INSTANT_SHARE_MAX)
    .map(({ workspace, people, together, at_ms }): Found => {
      const share = `${together.toLocaleString('en-US')} of ${people.toLocaleString('en-US')} people of ${workspace}`
      const minute = new Date(at_ms).toISOString()
      return {
        state: 'warn',
        message: `${share} arrived in the minute of ${minute}: give occurred_at in imports, or K is that of an import`,
      }
    })
  return found.length > 0 ? found : [{ state: 'ok', message: 'spread over time' }]
}

async function keysAreYoung({ workspaces, clock }: Engine): Promise<Found[]> {
  const active = workspaces.listKeys().filter((key) => key.revokedAtMs === null)
  const old = active.filter((key) => clock.nowMs() - key.createdAtMs > KEY_AGE_WARN_MS)
  if (old.length === 0) return [{ state: 'ok', message: `${active.length} active, none older than a year` }]
  return old.map(({ id, kind, workspace, createdAtMs }) => {
    const since = new Date(createdAtMs).toISOString().slice(0, 10)
    const what = `the ${kind} key ${id} of ${workspace} is of ${since}`
    return { state: 'warn', message: `${what}: make another (kappa keys create), move to it, and revoke this one` }
  })
}
