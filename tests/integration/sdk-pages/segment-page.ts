import { AnalyticsBrowser } from '@segment/analytics-next'
import type { SendStory } from '../sdk-story.ts'

const sendStory: SendStory = async ({ url, key, story }) => {
  const analytics = AnalyticsBrowser.load({ writeKey: key, cdnURL: url })
  let current = ''
  for (const { userId, event, properties } of story) {
    if (userId !== current) await analytics.identify(userId, { email: `${userId}@example.com` })
    current = userId
    await analytics.track(event, properties)
  }
}
Object.assign(globalThis, { sendStory })
