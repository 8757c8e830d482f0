/** Those who send: requests that are tried again under the same ids, sent twice, given up; imports that are run again. */
import type { IncomingItem } from '../../ingest/steps/split-body.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../schemas/windows.ts'
import type { Instance, Machine, WallClock } from './machine.ts'
import type { SimulatedProcess, VirtualWorld } from './virtual-world.ts'

export const WORKSPACES = ['shop', 'club'] as const

/** What the senders were told. */
export interface Told {
  /** Ids of events that were acknowledged as stored, by workspace. */
  readonly stored: ReadonlyMap<string, ReadonlySet<string>>
  /** Ids that were acknowledged as quarantined. */
  readonly quarantined: ReadonlySet<string>
}

/** An answer that is not there after this long will not come. */
const TIME_OUT_MS = 3_000
/** An id is an idempotency key for 7 days: nobody sends later than this again. */
const AGAIN_WITHIN_MS = 6 * DAY_MS

export class SimulatedSenders implements Told {
  readonly stored = new Map<string, Set<string>>(WORKSPACES.map((workspace) => [workspace, new Set()]))
  readonly quarantined = new Set<string>()
  /** Requests and imports without their answer. */
  underWay = 0
  events = 0
  readonly #world: VirtualWorld
  readonly #wallClock: WallClock
  readonly #machines: readonly Machine[]
  readonly #sent: { readonly workspace: string; readonly value: Record<string, unknown> }[] = []
  #imports = 0
  /**
   * How long ago things happened that come late, and that an import brings: a few places in time, since each event alone on its
   * day makes thousands of window ends.
   */
  readonly #late: readonly number[]
  readonly #imported: readonly number[]
  readonly #lateShare: number

  constructor(world: VirtualWorld, wallClock: WallClock, machines: readonly Machine[]) {
    this.#world = world
    this.#wallClock = wallClock
    this.#machines = machines
    const { choices } = world
    this.#late = [2 * HOUR_MS, 5 * DAY_MS, 9 * DAY_MS].map((mostMs) => choices.uniform() * mostMs)
    this.#lateShare = choices.oneOf([0, 0.01, 0.04])
    this.#imported = [2 * DAY_MS, 60 * DAY_MS].map((mostMs) => choices.uniform() * mostMs)
  }

  /** Sends one request, until it is acknowledged or given up. */
  send(): void {
    const { choices } = this.#world
    const workspace = choices.oneOf(WORKSPACES)
    const items = Array.from({ length: choices.between(1, 6) }, () => ({ value: this.#newEvent(workspace, this.#delayMs()) }))
    void this.#deliver(workspace, items)
  }

  /** Imports a history; some of it was sent before. */
  import(): void {
    const { choices } = this.#world
    const workspace = choices.oneOf(WORKSPACES)
    const before = this.#sent.filter((sent) => sent.workspace === workspace)
    const items = Array.from({ length: choices.between(3, 30) }, () =>
      before.length > 0 && choices.chance(0.2)
        ? { value: choices.oneOf(before).value }
        : { value: this.#newEvent(workspace, choices.oneOf(this.#imported)) },
    )
    void this.#runImport(workspace, items)
  }

  async #deliver(workspace: string, items: readonly IncomingItem[]): Promise<void> {
    const { choices } = this.#world
    const sentAtMs = this.#wallClock.nowMs
    const givesUp = choices.chance(0.05)
    this.underWay += 1
    for (;;) {
      const answer = await this.#ask('a request', (instance) => instance.submit(workspace, items), TIME_OUT_MS)
      if (answer !== undefined) {
        const faulty = new Set(answer.quarantined.map(({ index }) => index))
        items.forEach((item, index) => {
          const id = String((('value' in item ? item.value : {}) as { event_id: unknown }).event_id)
          if (faulty.has(index)) this.quarantined.add(id)
          else this.stored.get(workspace)?.add(id)
        })
        break
      }
      if (givesUp) break
      await this.#world.sleep(this.#world.outside, choices.exponential(500))
    }
    this.underWay -= 1
    if (!choices.chance(0.1)) return
    await this.#world.sleep(this.#world.outside, choices.exponential(5_000))
    if (!this.#world.isStormy || Math.abs(this.#wallClock.nowMs - sentAtMs) > AGAIN_WITHIN_MS) return
    this.#world.count('request sent again after its answer')
    await this.#deliver(workspace, items)
  }

  /** As an operator does: until it came to its end. */
  async #runImport(workspace: string, items: readonly IncomingItem[]): Promise<void> {
    this.underWay += 1
    for (;;) {
      this.#imports += 1
      const importId = `import${this.#imports}`
      const isDone = await this.#ask(
        'an import',
        async (instance) => {
          await instance.importItems(workspace, importId, items)
          return true
        },
        Number.POSITIVE_INFINITY,
      )
      if (isDone === true) break
      await this.#world.sleep(this.#world.outside, this.#world.choices.exponential(2_000))
    }
    this.underWay -= 1
  }

  /** Asks some machine; undefined when it refused, died, or took too long. */
  async #ask<Answer>(what: string, act: (instance: Instance) => Promise<Answer>, timeOutMs: number): Promise<Answer | undefined> {
    const world = this.#world
    const up = this.#machines.filter(({ instance, isUp }) => isUp && instance !== undefined)
    if (up.length === 0) return undefined
    const { process, instance } = world.choices.oneOf(up) as { process: SimulatedProcess; instance: Instance }
    return new Promise((resolve) => {
      const answer = (found: Answer | undefined) =>
        world.after(world.outside, world.choices.exponential(1), `${what} is answered`, () => {
          if (found !== undefined && Number.isFinite(timeOutMs) && world.strikes('sender loses the answer', 0.02)) return
          resolve(found)
        })
      world.after(process, world.choices.exponential(1), `${process.name} gets ${what}`, () => {
        act(instance).then(answer, () => answer(undefined))
      })
      const watch = (leftMs: number) => {
        if (leftMs <= 0 || process.state === 'dead') resolve(undefined)
        else world.after(world.outside, Math.min(1_000, leftMs), `${what} is waited for`, () => watch(leftMs - 1_000))
      }
      watch(timeOutMs)
    })
  }

  #delayMs(): number {
    const { choices } = this.#world
    if (choices.chance(0.02)) return -choices.uniform() * HOUR_MS
    if (choices.chance(this.#lateShare)) return choices.oneOf(this.#late)
    return choices.uniform() * choices.oneOf([5_000, 5_000, 2 * MINUTE_MS])
  }

  #newEvent(workspace: string, agoMs: number): Record<string, unknown> {
    const { choices } = this.#world
    this.events += 1
    const value = {
      ...arbitraryAction(choices),
      event_id: `e${this.events}`,
      actor_id: `p${choices.int(12)}`,
      occurred_at: Math.floor(this.#wallClock.nowMs - agoMs - choices.uniform() * 5_000),
      ...(choices.chance(0.5) ? { channel: choices.oneOf(['mail', 'chat']) } : {}),
      ...(choices.chance(0.03) ? { unheard_of: true } : {}),
    }
    this.#sent.push({ workspace, value })
    return value
  }
}

/** What people do; few ids, so that causes meet. */
function arbitraryAction(choices: SimulatedSendersChoices): Record<string, unknown> {
  const maybe = (name: string, values: readonly string[]) => (choices.chance(0.5) ? { [name]: choices.oneOf(values) } : {})
  const cause = {
    ...maybe('invite_id', ['i1', 'i2', 'i3']),
    ...maybe('referral_code', ['c1', 'c2']),
    ...maybe('share_id', ['s1', 's2']),
    ...maybe('referrer_id', ['p1', 'p2', 'zoe']),
  }
  switch (choices.int(4)) {
    case 0:
      return { type: 'share', content_id: 'x', ...maybe('share_id', ['s1', 's2']), ...maybe('referral_code', ['c1', 'c2']) }
    case 1:
      return { type: 'invite', action: choices.oneOf(['sent', 'sent', 'opened']), invite_id: choices.oneOf(['i1', 'i2', 'i3']) }
    case 2:
      return { type: 'conversion', kind: 'signup', ...cause }
    default:
      return {
        type: 'conversion',
        kind: choices.oneOf(['purchase', 'refund']),
        amount_minor: choices.int(900),
        currency: choices.oneOf(['EUR', 'USD']),
      }
  }
}

type SimulatedSendersChoices = VirtualWorld['choices']
