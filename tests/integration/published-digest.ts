/** What stands in the warehouse, as one line for many rows: equal lines mean rows equal bit for bit. */
import { type CommandResult, runKappa } from '../support/kappa-command.ts'

const COUNTS = [
  'active_users',
  'new_users',
  'inviters',
  'sharers',
  'spreaders',
  'invites_sent',
  'shares',
  'via_invite',
  'via_code',
  'via_share',
  'via_referrer',
]
const NULLABLE = ['k_credits', 'k_credits_squared', 'k_people', 'k_cycles']

/** Everything of a row but its version and the watermark that it was computed at. */
const CONTENT = [
  'window',
  'dimension',
  'value',
  'end_at',
  'final',
  ...COUNTS,
  'toString(mapSort(revenue))',
  'toString(mapSort(referred_revenue))',
  ...NULLABLE.flatMap((name) => [`isNull(${name})`, `ifNull(${name}, 0)`]),
  'isNull(k_exposure)',
  'reinterpretAsUInt64(ifNull(k_exposure, 0.))',
].join(', ')

/** A slice that emptied stays published with nothing in it: absent and empty mean the same. */
const publishedOf = (workspace: string) => `
SELECT window, dimension, toDate(end_at) AS day, count() AS rows, hex(groupBitXor(cityHash64(${CONTENT}))) AS content
FROM growth_windows FINAL WHERE workspace = '${workspace}' AND active_users > 0
GROUP BY window, dimension, day ORDER BY window, dimension, day`

/** Everything of a row but when it was written and taken in, and its place in the log, whose ticks stand at any offset. */
const EVENTS = `
SELECT type, toDate(occurred_at) AS day, count() AS rows, hex(groupBitXor(cityHash64(content))) AS content
FROM (
  SELECT type, occurred_at, toString(tuple(* EXCEPT (version, received_at, _topic, _offset))) AS content FROM events FINAL WHERE workspace = $
) GROUP BY type, day ORDER BY type, day`
const PEOPLE = `
SELECT toDate(first_activity_at) AS day, count() AS rows, hex(groupBitXor(cityHash64(content))) AS content
FROM (
  SELECT first_activity_at, toString(tuple(* EXCEPT (version))) AS content FROM people FINAL WHERE workspace = $
) GROUP BY day ORDER BY day`

export interface PublishedDigest {
  readonly rows: number
  readonly lines: readonly string[]
}

/** Runs a SELECT and gives its rows, each as a line of JSON. */
export type AskSql = (sql: string) => Promise<string[]>

/** Rows of `growth_windows` in a folder or wherever `ask` asks: one line a day, window and dimension. */
export function publishedDigest(place: string | AskSql, workspace = 'default'): Promise<PublishedDigest> {
  const ask: AskSql = typeof place === 'string' ? (sql) => selectLines(place, sql) : place
  return digestOf(ask, publishedOf(workspace))
}

/** Rows of `events` or `people`: one line a day. */
export function storedDigest(ask: AskSql, table: 'events' | 'people', workspace: string): Promise<PublishedDigest> {
  return digestOf(ask, (table === 'events' ? EVENTS : PEOPLE).replace('$', `'${workspace}'`))
}

async function digestOf(ask: AskSql, sql: string): Promise<PublishedDigest> {
  const lines = await ask(sql)
  return { rows: lines.reduce((sum, line) => sum + Number((JSON.parse(line) as { rows: number | string }).rows), 0), lines }
}

/** Days, windows and dimensions in which two places differ, for a message that can be read. */
export function differingDays(left: PublishedDigest, right: PublishedDigest): string[] {
  const [ofLeft, ofRight] = [new Set(left.lines), new Set(right.lines)]
  return [
    ...left.lines.filter((line) => !ofRight.has(line)).map((line) => `- ${line}`),
    ...right.lines.filter((line) => !ofLeft.has(line)).map((line) => `+ ${line}`),
  ]
}

/** Asks by `kappa sql`, run with whatever settings. Rejects when the command fails. */
export function askBy(run: (args: readonly string[]) => Promise<CommandResult>): AskSql {
  return async (sql) => {
    const { status, stdout, stderr } = await run(['sql', '--json', sql])
    if (status !== 0) throw new Error(`kappa sql ended with ${status}: ${stderr}`)
    return stdout.split('\n').filter((line) => line !== '')
  }
}

/** The rows of a SELECT over a data folder as lines of JSON. Rejects when the command fails. */
export function selectLines(data: string, sql: string): Promise<string[]> {
  return askBy((args) => runKappa([...args, '--data', data]))(sql)
}
