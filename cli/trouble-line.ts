/** What a running command says of trouble that it goes on with. */
import process from 'node:process'

/** Prints trouble on standard error, a line each. */
export function warn(message: string, error: unknown): void {
  process.stderr.write(`kappa: ${message}: ${error instanceof Error ? error.message : String(error)}\n`)
}
