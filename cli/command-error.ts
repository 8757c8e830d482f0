/** How a command fails: one sentence that says what to do, a stable code, and an exit status other than 0. */
import process from 'node:process'
import { inspect } from 'node:util'
import { RequestError } from '../schemas/errors.ts'

/** An expected failure of a command. The message is one sentence that says what is wrong and what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Names of errors that say themselves what is wrong, with the code under which a command shows them. */
const CODE_OF_NAME: Readonly<Record<string, string>> = {
  WarehouseUnavailableError: 'warehouse_unavailable',
  WarehouseTooNewError: 'warehouse_too_new',
  LogUnavailableError: 'log_unavailable',
  LogCorruptError: 'log_corrupt',
  DecompressionError: 'file_undecodable',
  CsvError: 'csv_invalid',
  RangeError: 'parameter_invalid',
}

const CODE_OF_SYSTEM_ERROR: Readonly<Record<string, string>> = {
  ENOENT: 'file_missing',
  EACCES: 'permission_denied',
  EPERM: 'permission_denied',
  EISDIR: 'not_a_file',
  ENOSPC: 'disk_full',
}

/** Code and sentence of any error: what the control socket sends and what people read. */
export function describeError(error: unknown): { code: string; message: string } {
  if (error instanceof CommandError || error instanceof RequestError) return { code: error.code, message: error.message }
  if (!(error instanceof Error)) return { code: 'internal', message: String(error) }
  // The warehouse's own refusal of a statement names its kind in capitals.
  if ('type' in error && typeof error.type === 'string' && /^[A-Z_]+$/.test(error.type)) {
    return { code: 'sql_refused', message: firstSentence(error.message) }
  }
  const known = CODE_OF_NAME[error.name]
  if (known !== undefined) return { code: known, message: firstSentence(error.message) }
  if ('code' in error && typeof error.code === 'string') {
    return { code: CODE_OF_SYSTEM_ERROR[error.code] ?? error.code.toLowerCase(), message: firstSentence(error.message) }
  }
  return { code: 'internal', message: firstSentence(error.message) }
}

function firstSentence(text: string): string {
  return text.split('\n')[0] ?? text
}

/** Writes the failure to stderr, with its stack only when `KAPPA_DEBUG` is set, and makes the exit status 1. */
export function reportFailure(error: unknown): void {
  const { code, message } = describeError(error)
  process.stderr.write(`kappa: ${message} [${code}]\n`)
  if (process.env['KAPPA_DEBUG']) process.stderr.write(`${inspect(error)}\n`)
  else if (code === 'internal') process.stderr.write('kappa: run again with KAPPA_DEBUG=1 to see where it comes from\n')
  process.exitCode = 1
}
