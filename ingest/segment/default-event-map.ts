/**
 * The default map: names of Segment's specs (e-commerce, B2B SaaS, e-mail, mobile) and those that teams commonly choose,
 * as data in the form of `schemas/event-map-rules.ts`.
 */
import type { z } from 'zod'
import type { eventMap } from '../../schemas/event-map-rules.ts'

const ITEM = [
  'content_id',
  'product_id',
  'cart_id',
  'article_id',
  'post_id',
  'video_id',
  'asset_id',
  'sku',
  'id',
  'url',
  'context.page.path',
]

/** Where the amount of an order stands; of other conversions only `revenue`, which the spec keeps for money. */
const ORDER = { amount: ['revenue', 'total', 'value', 'amount'] }

export const DEFAULT_EVENT_MAP: z.input<typeof eventMap> = {
  defaultCurrency: 'USD',
  events: {
    'Product Shared': { type: 'share' },
    'Cart Shared': { type: 'share', fields: { content_id: ['cart_id'] } },
    'Content Shared': { type: 'share' },
    'Article Shared': { type: 'share' },
    'Post Shared': { type: 'share' },
    'Video Shared': { type: 'share' },
    'Page Shared': { type: 'share' },
    'Link Shared': { type: 'share' },
    'Referral Link Shared': { type: 'share' },
    Shared: { type: 'share' },
    Share: { type: 'share' },

    'Invite Sent': { type: 'invite', action: 'sent' },
    'Invitation Sent': { type: 'invite', action: 'sent' },
    'Referral Sent': { type: 'invite', action: 'sent' },
    'User Invited': { type: 'invite', action: 'sent' },
    'Friend Invited': { type: 'invite', action: 'sent' },
    'Invite Delivered': { type: 'invite', action: 'delivered' },
    'Invite Opened': { type: 'invite', action: 'opened' },
    'Invite Clicked': { type: 'invite', action: 'clicked' },
    'Invite Accepted': { type: 'invite', action: 'accepted' },
    'Invitation Accepted': { type: 'invite', action: 'accepted' },
    'Invite Declined': { type: 'invite', action: 'declined' },
    'Invitation Declined': { type: 'invite', action: 'declined' },
    'Invite Bounced': { type: 'invite', action: 'bounced' },
    // Those of an e-mail are of an invite when they name one; otherwise they are stored as they are.
    'Email Delivered': { type: 'invite', action: 'delivered' },
    'Email Opened': { type: 'invite', action: 'opened' },
    'Email Link Clicked': { type: 'invite', action: 'clicked' },
    'Email Bounced': { type: 'invite', action: 'bounced' },

    'Signed Up': { type: 'conversion', kind: 'signup' },
    'User Signed Up': { type: 'conversion', kind: 'signup' },
    'Sign Up': { type: 'conversion', kind: 'signup' },
    Signup: { type: 'conversion', kind: 'signup' },
    'Signup Completed': { type: 'conversion', kind: 'signup' },
    'Sign Up Completed': { type: 'conversion', kind: 'signup' },
    'User Registered': { type: 'conversion', kind: 'signup' },
    'Registration Completed': { type: 'conversion', kind: 'signup' },
    Registered: { type: 'conversion', kind: 'signup' },
    'Account Created': { type: 'conversion', kind: 'signup' },
    Activated: { type: 'conversion', kind: 'activation' },
    'User Activated': { type: 'conversion', kind: 'activation' },
    'Account Activated': { type: 'conversion', kind: 'activation' },
    'Onboarding Completed': { type: 'conversion', kind: 'activation' },
    'Application Installed': { type: 'conversion', kind: 'install' },
    'Trial Started': { type: 'conversion', kind: 'trial_started' },
    'Subscription Started': { type: 'conversion', kind: 'subscription', fields: ORDER },
    'Subscription Created': { type: 'conversion', kind: 'subscription', fields: ORDER },
    'Order Completed': { type: 'conversion', kind: 'purchase', fields: ORDER },
    'Order Paid': { type: 'conversion', kind: 'purchase', fields: ORDER },
    'Purchase Completed': { type: 'conversion', kind: 'purchase', fields: ORDER },
    Purchase: { type: 'conversion', kind: 'purchase', fields: ORDER },
    // OpenPanel's `revenue()`: its amounts are in minor units.
    Revenue: { type: 'conversion', kind: 'purchase', fields: ORDER },
    'Item Purchased': { type: 'conversion', kind: 'purchase', fields: { amount: ['itemPrice'] } },
    'Order Refunded': { type: 'conversion', kind: 'refund', fields: ORDER },
    'Payment Refunded': { type: 'conversion', kind: 'refund', fields: ORDER },
  },
  fields: {
    share: {
      content_id: ITEM,
      share_id: ['share_id'],
      url: ['url', 'share_url', 'link'],
      referral_code: ['referral_code', 'ref'],
      channel: ['channel', 'share_via', 'utm_source', 'context.campaign.source', 'context.campaign.medium'],
    },
    invite: {
      invite_id: ['invite_id', 'invitation_id', 'inviteId'],
      recipient_email: ['invitee_email', 'recipient_email', 'recipient', 'email'],
      recipient_phone: ['invitee_phone', 'recipient_phone', 'phone'],
      recipient_actor_id: ['invitee_id', 'invitee_user_id', 'recipient_id'],
      referral_code: ['referral_code', 'ref'],
    },
    conversion: {
      invite_id: ['invite_id', 'invitation_id', 'inviteId', 'context.invite_id', 'context.traits.invite_id'],
      referral_code: ['referral_code', 'ref', 'context.referral_code', 'context.traits.referral_code'],
      share_id: ['share_id', 'context.share_id'],
      referrer_id: ['referrer_id', 'referred_by', 'invited_by', 'context.referrer_id', 'context.traits.referrer_id'],
      amount: ['revenue'],
      amount_minor: ['amount_minor', '__revenue'],
      currency: ['currency'],
      order_id: ['order_id', 'orderId'],
      email: ['email', 'context.traits.email', 'traits.email'],
      payment_hash: ['payment_hash'],
    },
    rum: {
      value: ['value'],
      page: ['page', 'path', 'context.page.path', 'url', 'context.page.url'],
      release: ['release', 'context.app.version'],
    },
  },
}

/** Where the fields that any event may have stand, asked last. */
export const ANY_EVENT_FIELDS = {
  channel: ['channel', 'utm_source', 'context.campaign.source', 'utm_medium', 'context.campaign.medium'],
  campaign: ['campaign', 'utm_campaign', 'context.campaign.name', 'context.campaign.campaign'],
  variant: ['variant', 'experiment_variant', 'context.variant'],
  session_id: ['session_id', '$session_id', 'context.sessionId', 'context.session_id'],
  device_id: ['$device_id', 'device_id', '__deviceId', 'context.device.id'],
  country: ['country', '$geoip_country_code', 'context.location.country', 'context.country'],
} as const
