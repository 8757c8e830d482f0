/**
 * Snapshots of the state, one file each: written beside piece by piece, synced, renamed, so that a crash leaves the one
 * before. Two that are whole are kept; one that does not check out is passed over for the older.
 */
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesOf, readSnapshot, type StateSnapshot } from './snapshot-stream.ts'

const KEPT = 2
const READ_BYTES = 1024 * 1024

/** A snapshot that stands beside the others, and is nothing yet. */
export interface WrittenSnapshot {
  /** Makes it the newest. Resolves when that would survive a crash. */
  keep(): Promise<unknown>
}

export interface SnapshotStore<State> {
  /** Writes a snapshot that counts once it is kept; one that never is has not been. The state must not change until this resolves. */
  write(snapshot: StateSnapshot<State>): Promise<WrittenSnapshot>
  /** The newest snapshot that is whole and of this version. */
  readNewest(): Promise<StateSnapshot<State> | undefined>
  /** Records of commits up to this one are not needed: it is the commit of the oldest snapshot that is kept. */
  oldestCommit(): Promise<number>
}

export class FileSnapshotStore<State> implements SnapshotStore<State> {
  readonly #folder: string
  /** Files that are known to be whole, newest first. */
  #whole: string[] = []

  constructor(folder: string) {
    this.#folder = folder
  }

  /** As in the port; `keep` resolves with the file's name. */
  async write(snapshot: StateSnapshot<State>): Promise<{ keep(): Promise<string> }> {
    const name = await this.#writePart(snapshot.commit, bytesOf(snapshot))
    return {
      keep: async () => {
        await this.#keep(name)
        this.#whole = [name, ...this.#whole].slice(0, KEPT)
        if (this.#whole.length < KEPT) return name
        for (const other of await this.#names()) if (!this.#whole.includes(other)) await unlink(join(this.#folder, other))
        return name
      },
    }
  }

  /** Takes a snapshot from elsewhere as the newest: whether it is whole shows when it is read. Rejects as `bytes` do. */
  async adopt(commit: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#keep(await this.#writePart(commit, bytes))
  }

  /** The bytes of a file that was kept, in whatever chunks. */
  bytesOf(name: string): AsyncIterable<Uint8Array> {
    return createReadStream(join(this.#folder, name), { highWaterMark: READ_BYTES })
  }

  /** The commit of the newest file, whole or not; 0 when there is none. */
  async newestCommit(): Promise<number> {
    const [newest] = await this.#names()
    return newest === undefined ? 0 : commitOf(newest)
  }

  async readNewest(): Promise<StateSnapshot<State> | undefined> {
    for (const name of await this.#names()) {
      const snapshot = await readSnapshot<State>(this.bytesOf(name))
      if (snapshot === undefined) continue
      this.#whole = [name]
      return snapshot
    }
    return undefined
  }

  async oldestCommit(): Promise<number> {
    return this.#whole.length < KEPT ? 0 : commitOf(this.#whole.at(-1) as string)
  }

  /** Writes a file beside the others, and gives the name that it is to have. */
  async #writePart(commit: number, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<string> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const [newest] = await this.#names()
    const name = nameOf(newest === undefined ? 1 : Number.parseInt(newest, 10) + 1, commit)
    const path = join(this.#folder, name)
    const file = await open(`${path}.part`, 'w', 0o600)
    try {
      for await (const chunk of chunks) await file.writeFile(chunk)
      await file.sync()
    } catch (error) {
      await unlink(`${path}.part`) // a full disk has its room again
      throw error
    } finally {
      await file.close()
    }
    return name
  }

  async #keep(name: string): Promise<void> {
    const path = join(this.#folder, name)
    await rename(`${path}.part`, path)
    // A rename is on disk only when its folder is.
    const folder = await open(this.#folder, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  /** Newest first. */
  async #names(): Promise<string[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    return names.filter((name) => /^\d+-\d+\.state$/.test(name)).sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10))
  }
}

function nameOf(sequence: number, commit: number): string {
  return `${String(sequence).padStart(12, '0')}-${commit}.state`
}

function commitOf(name: string): number {
  return Number.parseInt(name.slice(name.indexOf('-') + 1), 10)
}
