/** The machine below a process as a test wants it: orders for `faulty-machine.c`, which is loaded into the process. */
import { execFile } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Where a process kills itself: at which call, of which file, with which text in what it writes. */
export interface KillPoint {
  readonly call: 'write' | 'sync' | 'rename' | 'unlink'
  readonly moment: 'before' | 'half-way' | 'after'
  /** The file's path contains this. */
  readonly path: string
  /** What is written contains this. */
  readonly text?: string
  /** Passages until then; 1, the next, when not given. */
  readonly passage?: number
}

export interface FaultyMachine {
  /** What the process is started with. */
  readonly env: Readonly<Record<string, string>>
  /** Shifts the wall clock, not the one that measures durations. */
  shiftClock(ms: number): void
  /** Lets every sync of files with this in their path fail with EIO; undefined: none. */
  failSyncs(path: string | undefined): void
  killAt(point: KillPoint | undefined): void
  /** Whether the process came to the point. */
  wasKilled(): boolean
}

const CALLS = { write: 1, sync: 2, rename: 3, unlink: 4 } as const
const MOMENTS = { before: 0, 'half-way': 1, after: 2 } as const
/** The struct `orders` of faulty-machine.c. */
const PLACE = { clockShiftMs: 0, syncFails: 8, killCall: 12, killMoment: 16, killLeft: 20, path: 24, text: 88, end: 120 } as const

const run = promisify(execFile)

/** Compiles the library into a folder. Rejects when there is no C compiler. */
export async function compileFaultyMachine(folder: string): Promise<string> {
  const library = join(folder, 'faulty-machine.so')
  await run('cc', ['-O1', '-shared', '-fPIC', '-o', library, join(import.meta.dirname, 'faulty-machine.c'), '-ldl'])
  return library
}

function textBytes(text: string, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  if (bytes.write(text) >= length) throw new RangeError(`${text} is longer than an order may be`)
  return bytes
}

/** A machine whose orders stand in `path`, with nothing wrong so far. */
export function createFaultyMachine(library: string, path: string): FaultyMachine {
  const write = (bytes: Buffer, at: number) => {
    const file = openSync(path, 'r+')
    writeSync(file, bytes, 0, bytes.length, at)
    closeSync(file)
  }
  const number = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value)
    return bytes
  }
  closeSync(openSync(path, 'w'))
  write(Buffer.alloc(PLACE.end), 0)
  return {
    env: { LD_PRELOAD: library, KAPPA_FAULT_ORDERS: path },
    shiftClock(ms) {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64LE(BigInt(ms))
      write(bytes, PLACE.clockShiftMs)
    },
    failSyncs(part) {
      write(number(0), PLACE.syncFails)
      if (part === undefined) return
      write(textBytes(part, PLACE.text - PLACE.path), PLACE.path)
      write(number(1), PLACE.syncFails)
    },
    killAt(point) {
      write(number(0), PLACE.killCall)
      if (point === undefined) return
      write(textBytes(point.path, PLACE.text - PLACE.path), PLACE.path)
      write(textBytes(point.text ?? '', PLACE.end - PLACE.text), PLACE.text)
      write(number(MOMENTS[point.moment]), PLACE.killMoment)
      write(number(point.passage ?? 1), PLACE.killLeft)
      write(number(CALLS[point.call]), PLACE.killCall)
    },
    wasKilled: () => readFileSync(path).readInt32LE(PLACE.killLeft) <= 0,
  }
}
