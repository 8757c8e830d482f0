/** Planted cheating, for the detection to find: what a cheat does besides what an honest person does. */
import type { IncomingEvent } from '../schemas/events.ts'
import { MINUTE_MS } from '../schemas/windows.ts'
import type { Person, TimedEvent } from './person-story.ts'
import type { Random } from './random.ts'

export const CHEAT_KINDS = ['self_referral', 'instant_signups', 'invite_burst'] as const
export type CheatKind = (typeof CHEAT_KINDS)[number]

export interface Cheat {
  readonly actor_id: string
  readonly kind: CheatKind
  /** Fake accounts that it made. Their signups are no growth: they are not counted in the true K. */
  readonly accounts: readonly string[]
}

/** Kinds follow one another. All of a cheat's accounts use its one device and address. */
export function cheatStory(person: Person, number: number, random: Random): { events: TimedEvent[]; cheat: Cheat } {
  const kind = CHEAT_KINDS[number % CHEAT_KINDS.length] ?? 'self_referral'
  const events: TimedEvent[] = []
  const accounts: string[] = []
  const machine = {
    device_id: `${person.id}-device`,
    ip: `198.18.${(number >> 8) & 255}.${number & 255}`,
    user_agent: 'Mozilla/5.0 (fake accounts)',
  }
  let atMs = person.arrivalMs + Math.round(random.exponential(120 * MINUTE_MS))
  const add = (event: IncomingEvent) => events.push({ atMs, event })
  const invite = (index: number, domain: string) => {
    const id = `${person.id}-fake-${index}`
    add({
      type: 'invite',
      event_id: `${id}-sent`,
      actor_id: person.id,
      action: 'sent',
      invite_id: id,
      channel: 'email',
      recipient: { email: `${id}@${domain}` },
      ...machine,
    })
    return id
  }
  const enrol = (index: number, inviteId: string, domain: string) => {
    const account = `${person.id}-account-${index}`
    accounts.push(account)
    add({
      type: 'conversion',
      event_id: `${account}-signup`,
      actor_id: account,
      kind: 'signup',
      invite_id: inviteId,
      email: `${inviteId}@${domain}`,
      payment_hash: `${person.id}-card`,
      ...machine,
    })
  }

  if (kind === 'invite_burst') {
    for (let index = 0; index < 60; index++) {
      invite(index, 'mailinator.com')
      atMs += 100 + Math.floor(random.uniform() * 900)
    }
    return { events, cheat: { actor_id: person.id, kind, accounts } }
  }
  const count = kind === 'self_referral' ? 3 + Math.floor(random.uniform() * 6) : 12
  for (let index = 0; index < count; index++) {
    const domain = kind === 'self_referral' ? 'gmail.com' : 'mail.example'
    const inviteId = invite(index, domain)
    // Minutes by hand, a few seconds by script.
    atMs += kind === 'self_referral' ? Math.round((2 + 10 * random.uniform()) * MINUTE_MS) : 2_000 + Math.floor(random.uniform() * 5_000)
    enrol(index, inviteId, domain)
    atMs += Math.round(random.exponential(5 * MINUTE_MS))
  }
  return { events, cheat: { actor_id: person.id, kind, accounts } }
}
