/** Messages of other tasks that wait for the next commit, as many as one should have. */
import type { StoredMessage } from '../../schemas/ports/log.ts'

const BYTES_MAX = 8 * 1024 * 1024

export class HeldMessages {
  #messages: StoredMessage[] = []
  #bytes = 0

  get hasRoom(): boolean {
    return this.#bytes < BYTES_MAX
  }

  /** Offset of the newest; undefined when there is none. */
  get lastOffset(): number | undefined {
    return this.#messages.at(-1)?.offset
  }

  push(messages: readonly StoredMessage[]): void {
    for (const message of messages) {
      this.#messages.push(message)
      this.#bytes += message.value.byteLength
    }
  }

  /** All that wait, in order; none wait any longer. */
  takeAll(): StoredMessage[] {
    const messages = this.#messages
    this.#messages = []
    this.#bytes = 0
    return messages
  }
}
