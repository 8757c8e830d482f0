/** Events of people who are using a product now, sent at a steady rate by a client that tries again until it is told 202. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../simulate/random.ts'

export interface LoadOptions {
  /** Of an ingest role. */
  readonly url: string
  readonly key: string
  readonly eventsPerSecond: number
  /** What event ids begin with. */
  readonly prefix: string
  readonly random: Random
}

export interface LoadTally {
  /** Ids of events that were told to be in the log. */
  readonly acknowledged: ReadonlySet<string>
  readonly made: Readonly<Record<'share' | 'invite' | 'signup' | 'accept', number>>
  /** Batches by what became of each sending: the status, or that no answer was waited for. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Sum of what the answers say. */
  readonly accepted: number
  readonly quarantined: number
  /** The longest that a batch was under way until it was acknowledged, ms. */
  readonly slowestMs: number
}

export interface SteadyLoad {
  readonly tally: LoadTally
  /** Sends batches again that were acknowledged before, the first one included. */
  repeatOld(batches: number): Promise<void>
  /** Resolves when everything that was made is acknowledged. */
  stop(): Promise<void>
}

interface Batch {
  readonly ids: readonly string[]
  readonly body: string
}

const BATCHES_PER_SECOND = 10
const ANSWER_MS_MAX = 5_000
const AGAIN_AFTER_MS = 200
/** Share of the batches of which the client does not wait for the answer, and of events of phones that were offline. */
const IMPATIENT = 0.05
const OFFLINE = 0.1
const OFFLINE_MS_MAX = 3 * 3_600_000
/** People and invites that later events refer to are among so many of the last. */
const RECENT = 2_000
const CHANNELS = ['whatsapp', 'email', 'link'] as const

class Client implements SteadyLoad {
  readonly tally = {
    acknowledged: new Set<string>(),
    made: { share: 0, invite: 0, signup: 0, accept: 0 },
    outcomes: {} as Record<string, number>,
    accepted: 0,
    quarantined: 0,
    slowestMs: 0,
  }
  readonly #options: LoadOptions
  readonly #sent: Batch[] = []
  readonly #underWay = new Set<Promise<void>>()
  readonly #people: string[]
  readonly #invites: string[] = []
  readonly #shares: string[] = []
  #events = 0
  #isStopping = false
  readonly #loop: Promise<void>

  constructor(options: LoadOptions) {
    this.#options = options
    this.#people = Array.from({ length: 50 }, (_, person) => `${options.prefix}-founder-${person}`)
    this.#loop = this.#run()
  }

  async repeatOld(batches: number): Promise<void> {
    const old = Array.from({ length: batches }, () => this.#recent(this.#sent, Number.POSITIVE_INFINITY))
    await Promise.all([this.#sent[0], ...old].map((batch) => batch && this.#deliver(batch, false)))
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#loop
    await Promise.all(this.#underWay)
  }

  async #run(): Promise<void> {
    const startedAt = performance.now()
    for (let number = 0; !this.#isStopping; number += 1) {
      const batch = this.#makeBatch(Math.round(this.#options.eventsPerSecond / BATCHES_PER_SECOND))
      const delivery = this.#deliver(batch, this.#options.random.uniform() < IMPATIENT).finally(() => this.#underWay.delete(delivery))
      this.#underWay.add(delivery)
      await sleep(Math.max(0, startedAt + ((number + 1) * 1_000) / BATCHES_PER_SECOND - performance.now()))
    }
  }

  /** Sends the batch until it is acknowledged; an impatient client goes away once before that, and comes again. */
  async #deliver(batch: Batch, isImpatient: boolean): Promise<void> {
    const startedAt = performance.now()
    for (let tries = 0; ; tries += 1) {
      if (await this.#send(batch, isImpatient && tries === 0 ? 1 : ANSWER_MS_MAX)) break
      await sleep(AGAIN_AFTER_MS)
    }
    this.tally.slowestMs = Math.max(this.tally.slowestMs, performance.now() - startedAt)
    for (const id of batch.ids) this.tally.acknowledged.add(id)
    this.#sent.push(batch)
  }

  async #send({ body }: Batch, answerMsMax: number): Promise<boolean> {
    const { url, key } = this.#options
    const count = (outcome: string) => {
      this.tally.outcomes[outcome] = (this.tally.outcomes[outcome] ?? 0) + 1
    }
    try {
      const response = await fetch(`${url}/v1/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(answerMsMax),
      })
      const text = await response.text()
      count(String(response.status))
      if (response.status !== 202) return false
      const answer = JSON.parse(text) as { accepted: number; quarantined: unknown[] }
      this.tally.accepted += answer.accepted
      this.tally.quarantined += answer.quarantined.length
      return true
    } catch (error) {
      count(answerMsMax < ANSWER_MS_MAX ? 'went away' : `no answer: ${error instanceof Error ? error.name : 'unknown'}`)
      return false
    }
  }

  #makeBatch(size: number): Batch {
    const events = Array.from({ length: size }, () => this.#makeEvent())
    return { ids: events.map(({ event_id }) => event_id), body: JSON.stringify(events) }
  }

  #makeEvent(): { readonly event_id: string } & Readonly<Record<string, unknown>> {
    const { random, prefix } = this.#options
    this.#events += 1
    const id = `${prefix}-${this.#events}`
    const behindMs = random.uniform() < OFFLINE ? random.uniform() * OFFLINE_MS_MAX : random.uniform() * 1_000
    const common = { event_id: id, occurred_at: Math.floor(Date.now() - behindMs), channel: random.pick(CHANNELS.map((name) => [name, 1])) }
    const kind = random.pick([
      ['share', 4],
      ['invite', 3],
      ['signup', 2],
      ['accept', 1],
    ] as const)
    this.tally.made[kind] += 1
    if (kind === 'share') {
      this.#shares.push(id)
      return { ...common, type: 'share', actor_id: this.#recent(this.#people), content_id: 'article', share_id: id }
    }
    if (kind === 'invite') {
      this.#invites.push(id)
      return { ...common, type: 'invite', action: 'sent', actor_id: this.#recent(this.#people), invite_id: id }
    }
    const cause = this.#cause()
    const person = `${prefix}-person-${this.#events}`
    if (kind === 'accept')
      return { ...common, type: 'invite', action: 'clicked', actor_id: person, invite_id: cause.invite_id ?? 'unknown' }
    this.#people.push(person)
    return { ...common, type: 'conversion', kind: 'signup', actor_id: person, ...cause }
  }

  /** What brought somebody: an invite, a share, a person, or nothing that is known. */
  #cause(): { readonly invite_id?: string; readonly share_id?: string; readonly referrer_id?: string } {
    const draw = this.#options.random.uniform()
    const [invite, share, person] = [this.#recent(this.#invites), this.#recent(this.#shares), this.#recent(this.#people)]
    if (draw < 0.4 && invite !== undefined) return { invite_id: invite }
    if (draw < 0.6 && share !== undefined) return { share_id: share }
    return draw < 0.75 && person !== undefined ? { referrer_id: person } : {}
  }

  #recent<Item>(items: readonly Item[], most = RECENT): Item | undefined {
    return items[items.length - 1 - Math.floor(this.#options.random.uniform() * Math.min(items.length, most))]
  }
}

/** Starts sending; goes on until `stop`. */
export function startSteadyLoad(options: LoadOptions): SteadyLoad {
  return new Client(options)
}
