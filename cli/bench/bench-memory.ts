/**
 * Memory of a process as Linux tells it: what is resident, and what of it is the process's own. The rest is files that it
 * has mapped (the log, its program): pages that the kernel takes back whenever others need the room.
 */
import { readFileSync } from 'node:fs'

const KIB = 1024

/** In MB (10^6 bytes). */
export interface ProcessMemory {
  readonly residentMb: number
  readonly ownMb: number
}

/** Reads `/proc/PID/status` (man 5 proc): VmRSS, and RssAnon + RssShmem. Undefined where there is no such file. */
export function memoryOf(pid: number): ProcessMemory | undefined {
  let status: string
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return undefined
  }
  const megabytes = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * KIB) / 1e6
  return { residentMb: megabytes('VmRSS'), ownMb: megabytes('RssAnon') + megabytes('RssShmem') }
}

/** Looks at a process every `intervalMs` for its most own memory until told to stop. */
export function watchOwnMemory(pid: number, intervalMs = 200): () => number | undefined {
  let mostMb = memoryOf(pid)?.ownMb
  const look = () => {
    const ownMb = memoryOf(pid)?.ownMb
    if (ownMb !== undefined) mostMb = Math.max(mostMb ?? 0, ownMb)
  }
  const timer = setInterval(look, intervalMs)
  return () => {
    look()
    clearInterval(timer)
    return mostMb
  }
}
