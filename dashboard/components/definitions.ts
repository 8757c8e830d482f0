/** What every number on the page means: METRICS in words for tooltips, by the number's code name. */
import type { GrowthMetrics, NullReason } from '../../schemas/growth-api.ts'

export interface Definition {
  readonly label: string
  readonly meaning: string
  readonly formula?: string
}

export type MetricName = keyof GrowthMetrics | 'k_contribution'

export const DEFINITIONS: Readonly<Record<MetricName, Definition>> = {
  k_factor: {
    label: 'K-factor',
    meaning:
      'How many signups one user brings, over the time users take for it, at the pace of this window. Above 1 growth feeds itself. The 95% interval allows for a few people bringing most of the others.',
    formula: 'posterior mean of Gamma(1 + C, 1 / (1/5 + L)), L = expected referred signups per unit of K',
  },
  amplification: {
    label: 'Amplification',
    meaning: 'Users in the end for each user you bring in yourself, while K is below 1.',
    formula: '1 / (1 − K)',
  },
  viral_coefficient: {
    label: 'Viral coefficient',
    meaning: 'Referred signups per person who invited or shared in the window.',
    formula: 'referred signups ÷ spreaders',
  },
  referral_rate: {
    label: 'Referral rate',
    meaning: 'Referred signups per active user. At most 1 by construction: compare it only with itself; its factors say what moved.',
    formula: 'participation × outreach per spreader × conversion = referred signups ÷ active users',
  },
  participation: {
    label: 'Participation',
    meaning: 'The share of active users who invited or shared.',
    formula: 'p = spreaders ÷ active users',
  },
  outreach_per_spreader: {
    label: 'Outreach per spreader',
    meaning: 'Invites and shares of each person who spreads the word.',
    formula: 'j = outreaches ÷ spreaders',
  },
  conversion: {
    label: 'Conversion',
    meaning: 'Referred signups per invite or share.',
    formula: 'c = referred signups ÷ outreaches',
  },
  active_users: { label: 'Active users', meaning: 'Distinct people with a share, an invite sent or a conversion in the window.' },
  new_users: { label: 'New users', meaning: 'Counted signups in the window, one for each person.' },
  referred_signups: {
    label: 'Referred signups',
    meaning: 'Counted signups credited to somebody else: by invite, referral code, share, or a named referrer.',
    formula: 'via invite + via code + via share + via referrer',
  },
  via_invite: { label: 'Invite', meaning: 'Referred signups whose cause is an invite.' },
  via_code: { label: 'Code', meaning: 'Referred signups whose cause is a referral code.' },
  via_share: { label: 'Share', meaning: 'Referred signups whose cause is a share.' },
  via_referrer: { label: 'Referrer', meaning: 'Referred signups that name their referrer.' },
  invites_sent: { label: 'Invites sent', meaning: 'Distinct invites with the action “sent”. Sending the same one again adds nothing.' },
  shares: { label: 'Shares', meaning: 'Share events in the window.' },
  outreaches: { label: 'Outreaches', meaning: 'Invites sent and shares together.', formula: 'invites sent + shares' },
  inviters: { label: 'Inviters', meaning: 'Distinct people with an invite sent.' },
  sharers: { label: 'Sharers', meaning: 'Distinct people with a share.' },
  spreaders: { label: 'Spreaders', meaning: 'Distinct people with an invite sent or a share.' },
  invite_acceptance: {
    label: 'Invite acceptance',
    meaning: 'Signups by invite for each invite sent.',
    formula: 'via invite ÷ invites sent',
  },
  share_conversion: { label: 'Share conversion', meaning: 'Signups by share for each share.', formula: 'via share ÷ shares' },
  revenue: {
    label: 'Revenue',
    meaning: 'Money of all conversions in the window, refunds subtracted, per currency and never added across currencies.',
  },
  referred_revenue: { label: 'Referred revenue', meaning: 'The part of revenue that comes from people whom somebody else brought.' },
  k_contribution: {
    label: 'Share of K',
    meaning: 'The part of K that this channel brings: the rows add up to K.',
    formula: 'K × referred signups of the channel ÷ all referred signups',
  },
}

/** Why there is no number, in a few words. */
export const REASONS: Readonly<Record<NullReason, string>> = {
  no_active_users: 'nobody was active in this window',
  no_spreaders: 'nobody invited or shared in this window',
  no_outreach: 'no invite or share in this window',
  no_invites_sent: 'no invite was sent in this window',
  no_shares: 'nothing was shared in this window',
  too_few_cycles: 'too few referrals are complete yet',
  too_few_signups: 'too few referred signups in this window',
  k_at_least_one: 'without limit while K is 1 or more',
  k_unknown: 'K is not known yet',
}
