/**
 * A machine's disk under `node:fs/promises`, as ext4 keeps it: what was written stays when a process dies, and what was not
 * synced may be lost, whole or from some byte on, when the power fails. Names of files (made, renamed, removed) become durable
 * in their order, at the latest with the next sync of any file.
 */
import { Readable } from 'node:stream'
import type { Choices } from './seeded-choices.ts'
import type { VirtualWorld } from './virtual-world.ts'

/** Paths that start with this stand on simulated disks; the next part is the machine. */
export const SIMULATED_ROOT = '/simulated/'

interface Inode {
  content: Buffer
  /** As of the last sync. */
  synced: Buffer
}

export class SimulatedDisk {
  readonly #world: VirtualWorld
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  /** Changes of names that no sync has made durable, oldest first. */
  #pending: ((names: Map<string, Inode>) => void)[] = []

  constructor(world: VirtualWorld) {
    this.#world = world
  }

  /** The functions of `node:fs/promises` that the stores use. */
  get files() {
    return {
      mkdir: async () => undefined,
      open: (path: string, flags: string) => this.#call('opens a file', () => (flags === 'r' ? this.#folder() : this.#open(path, flags))),
      readFile: (path: string) => this.#call('reads a file', () => Buffer.from(this.#inode(path).content)),
      readdir: (folder: string) => this.#call('reads a folder', () => this.#list(folder)),
      rename: (from: string, to: string) =>
        this.#call('renames a file', () => {
          const inode = this.#inode(from)
          this.#change((names) => {
            names.delete(from)
            names.set(to, inode)
          })
        }),
      unlink: (path: string) => this.#call('removes a file', () => this.#change((names) => names.delete(path))),
    }
  }

  /** As `node:fs` has it. */
  readStream(path: string): Readable {
    return Readable.from([Buffer.from(this.#inode(path).content)])
  }

  /** The power fails: what is not durable is lost, or not. */
  losePower(): void {
    const { choices } = this.#world
    const names = new Map(this.#durableNames)
    for (const change of this.#pending.slice(0, choices.int(this.#pending.length + 1))) change(names)
    this.#pending = []
    for (const inode of new Set(names.values())) {
      inode.content = tornContent(inode, choices)
      inode.synced = Buffer.from(inode.content)
    }
    this.#names = new Map(names)
    this.#durableNames = names
  }

  /** A bit of the newest file with this ending turns over; returns whether there was one. */
  rot(ending: string): boolean {
    const newest = [...this.#names.keys()]
      .filter((name) => name.endsWith(ending))
      .sort()
      .at(-1)
    const inode = newest === undefined ? undefined : this.#names.get(newest)
    if (inode === undefined || inode.content.length === 0) return false
    const at = this.#world.choices.int(inode.content.length)
    inode.content = Buffer.from(inode.content)
    inode.content[at] = (inode.content[at] as number) ^ (1 << this.#world.choices.int(8))
    return true
  }

  #open(path: string, flags: string) {
    let inode = this.#names.get(path)
    if (inode === undefined || flags.startsWith('w')) {
      const made: Inode = { content: Buffer.alloc(0), synced: Buffer.alloc(0) }
      this.#change((names) => names.set(path, made))
      inode = made
    }
    const file = inode
    const sync = () =>
      this.#call('syncs', () => {
        file.synced = Buffer.from(file.content)
        this.#keepNames()
      })
    const write = (bytes: Uint8Array) =>
      this.#call('writes', () => {
        if (this.#world.strikes('disk full', 0.01)) {
          // Some of it may be written all the same.
          file.content = Buffer.concat([file.content, bytes.subarray(0, this.#world.choices.int(bytes.length))])
          throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
        }
        file.content = Buffer.concat([file.content, bytes])
      })
    return {
      write,
      writeFile: write,
      truncate: (length: number) =>
        this.#call('truncates', () => {
          file.content = Buffer.from(file.content.subarray(0, length))
        }),
      sync,
      datasync: sync,
      close: async () => {},
    }
  }

  #folder() {
    return { sync: () => this.#call('syncs a folder', () => this.#keepNames()), close: async () => {} }
  }

  #keepNames(): void {
    for (const change of this.#pending.splice(0)) change(this.#durableNames)
  }

  #list(folder: string): string[] {
    const start = `${folder}/`
    return [...this.#names.keys()].filter((path) => path.startsWith(start)).map((path) => path.slice(start.length))
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path)
    if (inode === undefined) throw Object.assign(new Error(`ENOENT: no such file: ${path}`), { code: 'ENOENT' })
    return inode
  }

  #change(change: (names: Map<string, Inode>) => void): void {
    change(this.#names)
    this.#pending.push(change)
  }

  #call<Result>(what: string, effect: () => Result): Promise<Result> {
    const { current } = this.#world
    if (current === undefined) throw new Error('a simulated file is used by no process')
    return this.#world.call(current, what, effect, 0.3)
  }
}

/** What a file holds after the power failed: what was synced, and of what was appended since perhaps a beginning. */
function tornContent({ content, synced }: Inode, choices: Choices): Buffer {
  const isAppended = content.length >= synced.length && content.subarray(0, synced.length).equals(synced)
  if (!isAppended) return choices.chance(0.5) ? Buffer.from(content) : Buffer.from(synced)
  return Buffer.from(content.subarray(0, synced.length + choices.int(content.length - synced.length + 1)))
}
