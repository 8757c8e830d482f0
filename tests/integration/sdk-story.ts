/** The same story for every client: 20 people sign up, half of them by an invite; 50 invites and 30 shares are sent. */
export interface StoryStep {
  readonly userId: string
  readonly event: string
  readonly properties: Readonly<Record<string, string>>
}

export const STORY_COUNTS = { invites_sent: 50, new_users: 20, shares: 30, via_invite: 10 }

/** Steps in order; each person's follow each other, since a browser has one user at a time. */
export function sdkStory(): StoryStep[] {
  const steps: StoryStep[] = []
  for (let person = 0; person < 20; person += 1) {
    const userId = `person-${person}`
    const add = (event: string, properties: Record<string, string>) => steps.push({ userId, event, properties })
    // The second ten come by an invite that one of the first ten has sent.
    add('Signed Up', { plan: 'free', ...(person < 10 ? {} : { invite_id: `invite-${person - 10}` }) })
    if (person < 10) add('Invite Sent', { invite_id: `invite-${person}`, invitee_email: `friend-${person}@example.com` })
    // The other forty have no id of their own: that of the message stands for it.
    for (let invite = 0; invite < 2; invite += 1) add('Invite Sent', { invitee_email: `friend-${person}-${invite}@example.com` })
    for (let share = 0; share < (person < 10 ? 2 : 1); share += 1) {
      add('Product Shared', { product_id: `product-${share}`, share_via: 'whatsapp' })
    }
  }
  return steps
}

/** What a page of tests/integration/sdk-pages offers: sends the story, resolves when the client has taken it. */
export type SendStory = (options: { readonly url: string; readonly key: string; readonly story: readonly StoryStep[] }) => Promise<void>
