/** What people do, for random histories: few ids, so that causes meet. */
import fc from 'fast-check'

const cause = {
  invite_id: fc.constantFrom('i1', 'i2', undefined),
  referral_code: fc.constantFrom('c1', 'c2', undefined),
  share_id: fc.constantFrom('s1', undefined),
  referrer_id: fc.constantFrom('ann', 'bob', undefined),
}
/** A share, a sent invite, a signup or money, with the given fields and causes of which few exist. */
export function arbitraryAction<Common extends Record<string, fc.Arbitrary<unknown>>>(common: Common) {
  return fc.oneof(
    fc.record({
      type: fc.constant('share'),
      ...common,
      content_id: fc.constant('x'),
      share_id: cause.share_id,
      referral_code: cause.referral_code,
    }),
    fc.record({
      type: fc.constant('invite'),
      ...common,
      action: fc.constant('sent'),
      invite_id: fc.constantFrom('i1', 'i2', 'i3'),
      referral_code: cause.referral_code,
    }),
    fc.record({ type: fc.constant('conversion'), ...common, kind: fc.constant('signup'), ...cause }),
    fc.record({
      type: fc.constant('conversion'),
      ...common,
      kind: fc.constantFrom('purchase', 'refund'),
      amount_minor: fc.integer({ min: 0, max: 500 }),
      currency: fc.constantFrom('EUR', 'USD'),
    }),
  )
}
