/** One command of the built product in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import process from 'node:process'

const PROGRAM = resolve(import.meta.dirname, '../../dist/cli/kappa.js')

export interface CommandResult {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface StartedCommand {
  readonly child: ChildProcess
  readonly ended: Promise<CommandResult>
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
}

/** Starts `kappa ARGS`; `ended` never rejects because of its status. */
export function startKappa(args: readonly string[], { env }: CommandOptions = {}): StartedCommand {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.on('error', () => {}) // it may end before it has read everything
  const ended = new Promise<CommandResult>((done, failed) => {
    child.once('error', failed)
    child.once('close', (status) => done({ status, stdout, stderr }))
  })
  return { child, ended }
}

/** Runs `kappa ARGS` to its end, with chunks as its standard input. */
export async function runKappa(
  args: readonly string[],
  options: CommandOptions & { readonly stdin?: Iterable<Uint8Array> } = {},
): Promise<CommandResult> {
  const { child, ended } = startKappa(args, options)
  if (options.stdin !== undefined) await feed(child, options.stdin)
  child.stdin?.end()
  return ended
}

/** Writes chunks one by one as the process takes them; stops when it is gone. */
export async function feed(child: ChildProcess, chunks: Iterable<Uint8Array>): Promise<void> {
  const { stdin } = child
  if (stdin === null) return
  for (const chunk of chunks) {
    if (stdin.destroyed) return
    await new Promise<void>((written) => stdin.write(chunk, () => written()))
  }
}
