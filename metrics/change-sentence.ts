/** Why a number moved, as one plain sentence: the largest cause, and what worked against it. */
import { CHANGE_CAUSES, type ChangeCause, type ChangedRatio, type GrowthChange, type UnknownChange } from './growth-change.ts'

const NAMES: Readonly<Record<ChangedRatio, string>> = {
  k_factor: 'K',
  viral_coefficient: 'Referred signups per person who invited or shared',
  referral_rate: 'The referral rate',
}

/** A cause that is smaller than this share of the largest one is left out. */
const WORTH_SAYING = 0.25
/** A channel is named when it makes up more than this share of a part. */
const MOST_OF_IT = 0.5

/**
 * For example "K fell from 1.20 to 0.90, mostly because more people arrived whom nobody referred and who have not brought others
 * (-0.35), while more of the invites and shares led to a signup (+0.10)."
 */
export function changeSentence(change: GrowthChange | UnknownChange): string {
  const name = NAMES[change.metric]
  if ('reason' in change) return `${name} can't be compared: ${change.reason.replaceAll('_', ' ')} in one of the windows.`
  const total = change.after - change.before
  const ranked = CHANGE_CAUSES.filter((cause) => change.parts[cause] !== 0).sort(
    (a, b) => Math.abs(change.parts[b]) - Math.abs(change.parts[a]),
  )
  const upwards = ranked.filter((cause) => change.parts[cause] > 0)
  const downwards = ranked.filter((cause) => change.parts[cause] < 0)
  const digits = decimals(change)
  const said = (cause: ChangeCause) => `${phrase(change, cause)} (${signed(change.parts[cause], digits)})`
  const [before, after] = [change.before.toFixed(digits), change.after.toFixed(digits)]
  if (before === after) return stayed(`${name} stayed at ${after}`, change, upwards[0], downwards[0], digits, said)
  const [leading, opposing] = total > 0 ? [upwards, downwards] : [downwards, upwards]
  const first = leading[0] as ChangeCause // parts that add up to a rise hold one that rises
  const against = opposing[0]
  const isWorthSaying = against !== undefined && Math.abs(change.parts[against]) >= WORTH_SAYING * Math.abs(change.parts[first])
  const moved = `${name} ${total > 0 ? 'rose' : 'fell'} from ${before} to ${after}, mostly because ${said(first)}`
  return `${moved}${isWorthSaying ? `, while ${said(against)}` : ''}.`
}

function stayed(
  start: string,
  { parts }: GrowthChange,
  up: ChangeCause | undefined,
  down: ChangeCause | undefined,
  digits: number,
  said: (cause: ChangeCause) => string,
): string {
  const isMoved = (cause: ChangeCause | undefined): cause is ChangeCause => cause !== undefined && Math.abs(parts[cause]) >= 10 ** -digits
  return isMoved(up) && isMoved(down) ? `${start}: ${said(up)}, while ${said(down)}.` : `${start}.`
}

function phrase(change: GrowthChange, cause: ChangeCause): string {
  const isUp = change.parts[cause] > 0
  switch (cause) {
    case 'participation':
      return `a ${isUp ? 'larger' : 'smaller'} share of the people who were there invited or shared`
    case 'outreach':
      return `those who invited or shared did so ${isUp ? 'more' : 'less'} often`
    case 'conversion':
      return `${isUp ? 'more' : 'fewer'} of the invites and shares led to a signup${mostlyIn(change)}`
    case 'channels':
      return `more of the inviting and sharing went through channels that convert ${isUp ? 'better' : 'worse'}`
    case 'delays':
      return `the time that people take to bring others changed, so that ${isUp ? 'fewer' : 'more'} signups were due`
    case 'mix':
      return mixPhrase(change)
  }
}

function mostlyIn({ by_channel: channels, parts }: GrowthChange): string {
  const names = Object.keys(channels)
  const conversion = (name: string) => channels[name]?.conversion ?? 0
  const found = names.length < 2 ? undefined : names.find((name) => conversion(name) / parts.conversion > MOST_OF_IT)
  return found === undefined ? '' : `, above all in ${found}`
}

/** The largest of what the mix is made of, among what goes the same way. */
function mixPhrase(change: GrowthChange): string {
  const { mix, parts } = change
  const details = (['unreferred_arrivals', 'referred_arrivals', 'groups', 'active_people'] as const).filter(
    (name) => mix[name] * parts.mix > 0,
  )
  const largest = details.sort((a, b) => Math.abs(mix[b]) - Math.abs(mix[a]))[0]
  const isUp = parts.mix > 0
  switch (largest) {
    case 'unreferred_arrivals':
      return isUp
        ? 'fewer people arrived whom nobody referred'
        : 'more people arrived whom nobody referred, and they have not brought as many others'
    case 'referred_arrivals':
      return isUp ? 'fewer people had arrived by referral' : 'more people had arrived by referral than bring others so far'
    case 'active_people':
      return `${isUp ? 'more' : 'fewer'} people were active`
    default:
      return groupPhrase(change)
  }
}

function groupPhrase({ group_shares: shares }: GrowthChange): string {
  const moved = (name: string) => Math.abs((shares[name]?.after ?? 0) - (shares[name]?.before ?? 0))
  const group = Object.keys(shares).sort((a, b) => moved(b) - moved(a))[0] ?? ''
  const { before, after } = shares[group] ?? { before: 0, after: 0 }
  return `other people were there: "${group}" went from ${Math.round(100 * before)} % to ${Math.round(100 * after)} % of the active`
}

/** Decimals that show three digits of the larger value. */
function decimals({ before, after }: GrowthChange): number {
  const larger = Math.max(before, after)
  return larger === 0 ? 2 : Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(larger))))
}

function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits)
  return value < 0 ? `-${text}` : `+${text}`
}
