/** Sends events of a fault's own beside the load, and keeps account of what became of them. */

export interface SendAnswer {
  /** Undefined: there was no answer, so nobody knows. */
  readonly status: number | undefined
  readonly retryAfter: string | null
  readonly body: string
}

const ANSWER_MS_MAX = 5_000
const AGAIN_AFTER_MS = 100

export class EventSender {
  /** Ids of events that were told to be in the log, and of all that were ever sent. */
  readonly acknowledged = new Set<string>()
  readonly sent = new Set<string>()
  readonly #url: () => string
  readonly #key: string
  #made = 0

  constructor(url: () => string, key: string) {
    this.#url = url
    this.#key = key
  }

  /** A share with an id of its own. */
  share(actor = 'someone', more: Readonly<Record<string, unknown>> = {}): { readonly event_id: string } {
    this.#made += 1
    return { event_id: `single-${this.#made}`, type: 'share', actor_id: actor, content_id: 'article', ...more } as { event_id: string }
  }

  /** Sends them once. Never rejects. */
  async send(events: readonly { readonly event_id: string }[]): Promise<SendAnswer> {
    for (const { event_id } of events) this.sent.add(event_id)
    try {
      const response = await fetch(`${this.#url()}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json' },
        body: JSON.stringify(events),
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
      })
      const body = await response.text()
      if (response.status === 202) for (const { event_id } of events) this.acknowledged.add(event_id)
      return { status: response.status, retryAfter: response.headers.get('retry-after'), body }
    } catch {
      return { status: undefined, retryAfter: null, body: '' }
    }
  }

  /** Sends them until they are acknowledged. Rejects when that takes longer than `msMax`. */
  async deliver(events: readonly { readonly event_id: string }[], msMax = 30_000): Promise<void> {
    const endsAt = performance.now() + msMax
    for (;;) {
      const { status, body } = await this.send(events)
      if (status === 202) return
      if (performance.now() > endsAt) throw new Error(`events were not taken within ${msMax} ms: ${status ?? 'no answer'} ${body}`)
      await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS))
    }
  }
}
