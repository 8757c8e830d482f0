/**
 * One process at a time per data folder. The lock is a file that names its holder by process id and start, so that what
 * a kill -9 leaves behind is seen to be nobody's: the same id may by then be another process.
 */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { CommandError } from './command-error.ts'

export const LOCK_FILE = 'kappa.lock'
/** Takers that find a stale lock at the same moment try again this often. */
const TRIES_MAX = 20

interface Holder {
  readonly pid: number
  /** When that process started, in the words of the system; '' where it does not say. */
  readonly started: string
}

export interface DataLock {
  /** Gives the folder free. Safe to call again. */
  release(): Promise<void>
}

/** Another process has the data folder. */
export class DataFolderInUseError extends CommandError {
  readonly pid: number
  constructor(path: string, pid: number) {
    super('data_in_use', `process ${pid} uses the data folder ${path}: stop it, or take another folder with --data`)
    this.pid = pid
  }
}

/** Makes the folder (mode 0700) when it is absent and takes its lock. Rejects with DataFolderInUseError. */
export async function lockDataFolder(path: string): Promise<DataLock> {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const lock = join(path, LOCK_FILE)
  const own = join(path, `.${LOCK_FILE}-${process.pid}-${randomUUID()}`)
  writeFileSync(own, JSON.stringify({ pid: process.pid, started: startOf(process.pid) } satisfies Holder), { mode: 0o600, flush: true })
  try {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      if (takes(own, lock)) return holding(lock)
      const holder = readHolder(lock)
      if (holder !== undefined && isAlive(holder)) throw new DataFolderInUseError(path, holder.pid)
      clearStale(lock, holder)
    }
  } finally {
    rmSync(own, { force: true })
  }
  throw new CommandError('data_in_use', `the lock of ${path} changes hands all the time: try again`)
}

/** A link is made whole or not at all, and fails where the lock stands: unlike a file that is opened and then written. */
function takes(own: string, lock: string): boolean {
  try {
    linkSync(own, lock)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function holding(lock: string): DataLock {
  const mine = readFileSync(lock, 'utf8')
  return {
    async release() {
      // Gone, or somebody else's: the folder may have been removed meanwhile.
      if (existsSync(lock) && readFileSync(lock, 'utf8') === mine) unlinkSync(lock)
    },
  }
}

/** Who holds the lock; undefined when it has gone or says nothing. */
function readHolder(lock: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(lock, 'utf8'))
    if (typeof value !== 'object' || value === null) return undefined
    const { pid, started } = value as Partial<Holder>
    return typeof pid === 'number' && typeof started === 'string' ? { pid, started } : undefined
  } catch {
    return undefined
  }
}

/**
 * Takes the stale lock out of the way under a name of its own, and puts it back if it turns out to be a fresh one that
 * somebody took in between.
 */
function clearStale(lock: string, stale: Holder | undefined): void {
  const aside = `${lock}-stale-${process.pid}-${randomUUID()}`
  try {
    renameSync(lock, aside)
  } catch {
    return
  }
  const moved = readHolder(aside)
  const isFresh = moved !== undefined && (moved.pid !== stale?.pid || moved.started !== stale.started) && isAlive(moved)
  if (isFresh) takes(aside, lock)
  rmSync(aside, { force: true })
}

function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  const now = startOf(pid)
  return started === '' || now === '' || now === started
}

/** When a process started: on Linux the boot and the clock ticks since, elsewhere what `ps` says. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold anything; the start is the 20th field after it.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${ticks}`
  } catch {
    try {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    } catch {
      return ''
    }
  }
}
