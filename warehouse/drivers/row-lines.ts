/**
 * Answers of ClickHouse read to their end. A server that fails after the first bytes has already said 200: what failed then
 * stands at the end of the body, and rows that look whole may be only some of them.
 */
import { extractErrorAtTheEndOfChunk, parseError } from '@clickhouse/client'

/** Header with the random tag around an error in the body (ClickHouse from 25.11). */
const TAG_HEADER = 'x-clickhouse-exception-tag'
/** Servers before 25.11 append the bare message. Data in a text format can't end so: the version is the server's own. */
const BARE_ERROR = /(?:^|\n)(?:__exception__\s+)?((?:Code: \d+\. )DB::Exception: [\s\S]*\(version [^()\n]*(?:\([^()\n]*\))?\)\s*)$/

export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** The error that an answer ends with, if it does; as the client's `ClickHouseError` where it can be read. */
export function errorAtEnd(body: string, headers: AnswerHeaders): Error | undefined {
  const tag = headers[TAG_HEADER]
  if (typeof tag === 'string') {
    if (!body.trimEnd().endsWith(`${tag}\r\n__exception__`)) return undefined
    return extractErrorAtTheEndOfChunk(Buffer.from(body), tag)
  }
  const bare = BARE_ERROR.exec(body.slice(-16_384))?.[1]
  return bare === undefined ? undefined : parseError(bare)
}

/**
 * Rows of a JSONEachRow answer. Throws what the answer ends with, and an Error for one that is cut off: each row ends with
 * a line feed, so the last one too.
 */
export function parseRowLines<Row>(body: string, headers: AnswerHeaders): Row[] {
  if (body === '') return []
  const error = errorAtEnd(body, headers)
  if (error !== undefined) throw error
  if (!body.endsWith('\n')) throw new Error('the answer was cut off')
  const rows: Row[] = []
  try {
    for (let start = 0, end = body.indexOf('\n'); end >= 0; start = end + 1, end = body.indexOf('\n', start)) {
      rows.push(JSON.parse(body.slice(start, end)) as Row)
    }
  } catch (cause) {
    throw new Error('the answer is not made of rows', { cause })
  }
  return rows
}
