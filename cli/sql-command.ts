/** `kappa sql`: read-only SQL of the operator. */
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { CommandError } from './command-error.ts'
import { commandSettings } from './command-settings.ts'
import type { SettingFlags } from './settings.ts'
import { withEngine } from './with-engine.ts'

export interface SqlFlags extends SettingFlags {
  readonly format?: string
  readonly json?: boolean
}

/** As ClickHouse's own clients take it: a FORMAT at the end of the statement. */
const FORMAT_AT_END = /\s+FORMAT\s+([A-Za-z_][A-Za-z0-9_]*)\s*;?\s*$/i

/** Formats whose bytes are no text, which is what the engine hands over. */
const BINARY_FORMAT = /^(Parquet|Arrow(Stream)?|ORC|Native|Avro|MsgPack|BSONEachRow|Npy|Buffers|RowBinary\w*|Protobuf\w*|CapnProto)$/i

/** Prints the rows of one SELECT. */
export async function printSql(given: string, flags: SqlFlags): Promise<void> {
  const config = commandSettings(flags)
  const whole = given === '-' ? await text(process.stdin) : given
  const named = FORMAT_AT_END.exec(whole)?.[1]
  const sql = whole.replace(FORMAT_AT_END, '')
  if (sql.trim() === '') throw new CommandError('sql_empty', 'there is no SQL: give a SELECT in quotes')
  const format = flags.format ?? named ?? (flags.json ? 'JSONEachRow' : process.stdout.isTTY ? 'PrettyCompact' : 'TSVWithNames')
  if (BINARY_FORMAT.test(format)) {
    throw new CommandError(
      'format_binary',
      `${format} is a format of bytes: take one of text, such as CSVWithNames, JSONEachRow or TSVWithNames`,
    )
  }
  const answer = await withEngine(config, (control) => control.text('POST', '/sql', { sql, format }))
  process.stdout.write(answer)
}
