/**
 * Snapshots of the state, one file each: written beside, synced, renamed, so that a crash leaves the one before. The
 * newest two are kept; one that does not check out is passed over for the older.
 */
import { mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { crc32 } from 'node:zlib'

/** Grows with every change of the state's form; a snapshot of another version is not read: the log is replayed instead. */
export const STATE_VERSION = 2
const MAGIC = `kappa-state ${STATE_VERSION}\n`
const KEPT = 2

export interface StateSnapshot<State> {
  /** Grows by one with every snapshot. */
  readonly sequence: number
  /** Sequence of the last commit that the state holds. */
  readonly commit: number
  /** Offset of the next record of each partition. */
  readonly positions: readonly number[]
  readonly state: State
}

export interface SnapshotStore<State> {
  write(snapshot: StateSnapshot<State>): Promise<void>
  /** The newest snapshot that is whole and of this version. */
  readNewest(): Promise<StateSnapshot<State> | undefined>
  /** The oldest commit that a kept snapshot stands on: records of earlier ones are not needed. */
  oldestCommit(): Promise<number>
}

export class FileSnapshotStore<State> implements SnapshotStore<State> {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  async write(snapshot: StateSnapshot<State>): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const body = serialize(snapshot)
    const head = Buffer.from(`${MAGIC}${crc32(body)} ${body.length}\n`)
    const path = join(this.#folder, nameOf(snapshot.sequence, snapshot.commit))
    const file = await open(`${path}.part`, 'w', 0o600)
    try {
      await file.write(head)
      await file.write(body)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(`${path}.part`, path)
    for (const name of (await this.#names()).slice(KEPT)) await unlink(join(this.#folder, name))
  }

  async readNewest(): Promise<StateSnapshot<State> | undefined> {
    for (const name of await this.#names()) {
      const snapshot = parse<State>(await readFile(join(this.#folder, name)))
      if (snapshot) return snapshot
    }
    return undefined
  }

  async oldestCommit(): Promise<number> {
    const names = await this.#names()
    return names.length < KEPT ? 0 : Number(/-(\d+)\.state$/.exec(names.at(-1) as string)?.[1] ?? 0)
  }

  /** Newest first. */
  async #names(): Promise<string[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    return names
      .filter((name) => name.endsWith('.state'))
      .sort()
      .reverse()
  }
}

function nameOf(sequence: number, commit: number): string {
  return `${String(sequence).padStart(12, '0')}-${commit}.state`
}

function parse<State>(bytes: Buffer): StateSnapshot<State> | undefined {
  if (bytes.subarray(0, MAGIC.length).toString() !== MAGIC) return undefined
  const lineEnd = bytes.indexOf(10, MAGIC.length)
  const [checksum, length] = bytes.subarray(MAGIC.length, lineEnd).toString().split(' ').map(Number)
  const body = bytes.subarray(lineEnd + 1)
  if (body.length !== length || crc32(body) !== checksum) return undefined
  return deserialize(body) as StateSnapshot<State>
}
