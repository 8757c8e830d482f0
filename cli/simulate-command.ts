/** `kappa simulate`: events of a process of which the truth is known, as NDJSON, with `truth.json` beside them. */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { finished } from 'node:stream/promises'
import type { Writable } from 'node:stream'
import type { IncomingEvent } from '../schemas/events.ts'
import { simulate, type SimulateOptions } from '../simulate/simulate-growth.ts'
import { CommandError } from './command-error.ts'
import { instantMs } from './command-instant.ts'

export interface SimulateFlags {
  readonly users: string
  readonly days: string
  readonly k: string
  readonly seed: string
  readonly dispersion?: string
  readonly fraud: string
  readonly start?: string
  readonly out?: string
  readonly json?: boolean
}

const EVENTS_A_WRITE = 1_000

/** Writes the events to `--out` (or standard output) and the truth beside that file. */
export async function simulateEvents(flags: SimulateFlags): Promise<void> {
  const { events, truth } = simulate(optionsOf(flags))
  if (flags.out === undefined) {
    await writeEvents(events, process.stdout)
    process.stderr.write(`${summary(events.length, truth.signups)}; with --out FILE the truth is written beside it\n`)
    return
  }
  const folder = dirname(flags.out)
  await mkdir(folder, { recursive: true })
  const file = createWriteStream(flags.out)
  await writeEvents(events, file)
  file.end()
  await finished(file)
  const truthFile = join(folder, 'truth.json')
  await writeFile(truthFile, `${JSON.stringify(truth, null, 2)}\n`)
  const { users, signups, referred_signups, from, to } = truth
  const made = { events: events.length, users, signups, referred_signups, from, to, file: flags.out, truth: truthFile }
  process.stdout.write(flags.json ? `${JSON.stringify(made)}\n` : `${summary(events.length, signups)}: ${flags.out}, ${truthFile}\n`)
}

function optionsOf(flags: SimulateFlags): SimulateOptions {
  return {
    users: wholeNumber('users', flags.users),
    days: anyNumber('days', flags.days),
    k: anyNumber('k', flags.k),
    seed: wholeNumber('seed', flags.seed),
    fraud: anyNumber('fraud', flags.fraud),
    ...(flags.dispersion === undefined ? {} : { dispersion: anyNumber('dispersion', flags.dispersion) }),
    ...(flags.start === undefined ? {} : { startMs: instantMs(flags.start) }),
  }
}

function anyNumber(flag: string, text: string): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isFinite(number)) return number
  throw new CommandError('parameter_invalid', `--${flag} must be a number, not ${JSON.stringify(text)}`)
}

function wholeNumber(flag: string, text: string): number {
  const number = anyNumber(flag, text)
  if (Number.isSafeInteger(number)) return number
  throw new CommandError('parameter_invalid', `--${flag} must be a whole number, not ${text}`)
}

async function writeEvents(events: readonly IncomingEvent[], output: Writable): Promise<void> {
  for (let start = 0; start < events.length; start += EVENTS_A_WRITE) {
    const lines = events.slice(start, start + EVENTS_A_WRITE).map((event) => `${JSON.stringify(event)}\n`)
    if (!output.write(lines.join(''))) await once(output, 'drain')
  }
}

function summary(events: number, signups: number): string {
  return `${events.toLocaleString('en-US')} events of ${signups.toLocaleString('en-US')} people`
}
