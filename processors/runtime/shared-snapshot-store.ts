/**
 * Snapshots of a task that may go to another instance: each is a file here, and is then brought to the topic, from the file
 * and beside the work that goes on. Who takes the task up has the newest of both.
 */
import type { FileSnapshotStore, SnapshotStore, WrittenSnapshot } from './snapshot-store.ts'
import type { StateSnapshot } from './snapshot-stream.ts'
import type { SharedSnapshot, SnapshotTopic } from './snapshot-topic.ts'

export interface SharedSnapshotStoreOptions<State> {
  readonly files: FileSnapshotStore<State>
  readonly topic: SnapshotTopic
  readonly onError: (message: string, error: unknown) => void
}

export class SharedSnapshotStore<State> implements SnapshotStore<State> {
  readonly #options: SharedSnapshotStoreOptions<State>
  #restored: StateSnapshot<State> | undefined
  #sharing: Promise<void> = Promise.resolve()

  constructor(options: SharedSnapshotStoreOptions<State>) {
    this.#options = options
  }

  /**
   * Brings the newest snapshot that is whole here, and gives it; the next `readNewest` gives it again. Undefined when there
   * is none. Rejects with LogUnavailableError.
   */
  async restore(): Promise<StateSnapshot<State> | undefined> {
    const { topic, files } = this.#options
    for await (const shared of topic.find()) {
      const snapshot = (await this.#readHere(shared.commit)) ?? (await this.#fetch(shared))
      if (snapshot === undefined) continue
      topic.keep(shared)
      this.#restored = snapshot
      return snapshot
    }
    this.#restored = await files.readNewest()
    return this.#restored
  }

  async readNewest(): Promise<StateSnapshot<State> | undefined> {
    const restored = this.#restored
    this.#restored = undefined
    return restored ?? this.#options.files.readNewest()
  }

  /** `keep` resolves when it is on disk here; others find it a little later. Waits for the one before to be there. */
  async write(snapshot: StateSnapshot<State>): Promise<WrittenSnapshot> {
    const { files, topic, onError } = this.#options
    await this.#sharing
    const written = await files.write(snapshot)
    return {
      keep: async () => {
        const name = await written.keep()
        this.#sharing = topic
          .write(snapshot.commit, files.bytesOf(name))
          .catch((error: unknown) => onError('a snapshot could not be shared with other instances', error))
      },
    }
  }

  oldestCommit(): Promise<number> {
    return this.#options.files.oldestCommit()
  }

  /** Resolves when others find what was written, or that could not be. */
  close(): Promise<void> {
    return this.#sharing
  }

  /** What is here, when it is as new. */
  async #readHere(commit: number): Promise<StateSnapshot<State> | undefined> {
    const { files } = this.#options
    if ((await files.newestCommit()) < commit) return undefined
    const snapshot = await files.readNewest()
    return snapshot !== undefined && snapshot.commit >= commit ? snapshot : undefined
  }

  async #fetch(shared: SharedSnapshot): Promise<StateSnapshot<State> | undefined> {
    const { files, topic, onError } = this.#options
    try {
      await files.adopt(shared.commit, topic.read(shared))
    } catch (error) {
      onError(`the snapshot of commit ${shared.commit} could not be fetched whole`, error)
      return undefined
    }
    const snapshot = await files.readNewest()
    return snapshot?.commit === shared.commit ? snapshot : undefined
  }
}
