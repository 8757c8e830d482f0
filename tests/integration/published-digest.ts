/** What a data folder publishes, as one line a day, window and dimension: equal lines mean rows equal bit for bit. */
import { runKappa } from '../support/kappa-command.ts'

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
const DIGEST = `
SELECT window, dimension, toDate(end_at) AS day, count() AS rows, hex(groupBitXor(cityHash64(${CONTENT}))) AS content
FROM growth_windows FINAL WHERE workspace = 'default' AND active_users > 0
GROUP BY window, dimension, day ORDER BY window, dimension, day`

export interface PublishedDigest {
  readonly rows: number
  readonly lines: readonly string[]
}

export async function publishedDigest(data: string): Promise<PublishedDigest> {
  const lines = await selectLines(data, DIGEST)
  return { rows: lines.reduce((sum, line) => sum + Number((JSON.parse(line) as { rows: number | string }).rows), 0), lines }
}

/** Days, windows and dimensions in which two folders differ, for a message that can be read. */
export function differingDays(left: PublishedDigest, right: PublishedDigest): string[] {
  const [ofLeft, ofRight] = [new Set(left.lines), new Set(right.lines)]
  return [
    ...left.lines.filter((line) => !ofRight.has(line)).map((line) => `- ${line}`),
    ...right.lines.filter((line) => !ofLeft.has(line)).map((line) => `+ ${line}`),
  ]
}

/** The rows of a SELECT as lines of JSON. Throws when the command fails. */
export async function selectLines(data: string, sql: string): Promise<string[]> {
  const { status, stdout, stderr } = await runKappa(['sql', '--json', '--data', data, sql])
  if (status !== 0) throw new Error(`kappa sql ended with ${status}: ${stderr}`)
  return stdout.split('\n').filter((line) => line !== '')
}
