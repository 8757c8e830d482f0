import { RudderAnalytics } from '@rudderstack/analytics-js/bundled'
import type { SendStory } from '../sdk-story.ts'

const sendStory: SendStory = async ({ url, key, story }) => {
  const analytics = new RudderAnalytics()
  await new Promise<void>((ready) => {
    analytics.load(key, url, { configUrl: url })
    analytics.ready(() => ready())
  })
  let current = ''
  for (const { userId, event, properties } of story) {
    if (userId !== current) analytics.identify(userId, { email: `${userId}@example.com` })
    current = userId
    analytics.track(event, properties)
  }
}
Object.assign(globalThis, { sendStory })
