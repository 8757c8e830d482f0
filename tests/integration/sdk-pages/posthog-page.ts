import { posthog } from 'posthog-js'
import type { SendStory } from '../sdk-story.ts'

const sendStory: SendStory = async ({ url, key, story }) => {
  posthog.init(key, { api_host: url })
  let current = ''
  for (const { userId, event, properties } of story) {
    if (userId !== current) {
      posthog.reset()
      posthog.identify(userId, { email: `${userId}@example.com` })
    }
    current = userId
    posthog.capture(event, properties)
  }
}
Object.assign(globalThis, { sendStory })
