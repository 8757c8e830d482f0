/** Other products' clients as they are published, with nothing changed but the host and the key, against the built product. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { OpenPanel } from '@openpanel/sdk'
import RudderAnalytics from '@rudderstack/rudder-sdk-node'
import { Analytics } from '@segment/analytics-node'
import type { Browser } from 'playwright-core'
import { PostHog } from 'posthog-node'
import { build } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { type RunningProduct, startProduct } from '../support/running-product.ts'
import { type SendStory, sdkStory, STORY_COUNTS } from './sdk-story.ts'

const KEYS = {
  write: 'write-key-of-the-sdk-clients-test',
  server: 'server-key-of-the-sdk-clients-test',
  read: 'read-key-of-the-sdk-clients-test',
}
const SETTLE_MS_MAX = 30_000

let browser: Browser
beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser.close())

const servers: Record<string, SendStory> = {
  '@segment/analytics-node': async ({ url, key, story }) => {
    const analytics = new Analytics({ writeKey: key, host: url })
    analytics.identify({ userId: 'person-0', traits: { email: 'person-0@example.com' } })
    for (const step of story) analytics.track({ userId: step.userId, event: step.event, properties: step.properties })
    await analytics.closeAndFlush()
  },
  '@rudderstack/rudder-sdk-node': async ({ url, key, story }) => {
    const analytics = new RudderAnalytics(key, { dataPlaneUrl: url })
    analytics.identify({ userId: 'person-0', traits: { email: 'person-0@example.com' } })
    for (const step of story) analytics.track({ userId: step.userId, event: step.event, properties: { ...step.properties } })
    await analytics.flush()
  },
  'posthog-node': async ({ url, key, story }) => {
    const posthog = new PostHog(key, { host: url })
    posthog.identify({ distinctId: 'person-0', properties: { email: 'person-0@example.com' } })
    for (const step of story) posthog.capture({ distinctId: step.userId, event: step.event, properties: { ...step.properties } })
    await posthog.shutdown()
  },
  '@openpanel/sdk': async ({ url, key, story }) => {
    const openpanel = new OpenPanel({ apiUrl: url, clientId: 'any-client', clientSecret: key })
    await openpanel.identify({ profileId: 'person-0', email: 'person-0@example.com' })
    for (const step of story) await openpanel.track(step.event, { ...step.properties, profileId: step.userId })
  },
}

const pages: Record<string, string> = {
  '@segment/analytics-next': 'segment-page.ts',
  '@rudderstack/analytics-js': 'rudderstack-page.ts',
  'posthog-js': 'posthog-page.ts',
}

/** The clients leave out robots, and know them by these. */
const AS_PEOPLE_COME = `
  Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => false })
  Object.defineProperty(Navigator.prototype, 'userAgentData', { get: () => undefined })`

async function agentOf(browser: Browser): Promise<string> {
  const page = await browser.newPage()
  const agent = await page.evaluate<string>('navigator.userAgent')
  await page.close()
  return agent
}

/** A page as a browser loads it: one script. */
async function bundle(page: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    root: import.meta.dirname,
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      lib: { entry: join(import.meta.dirname, 'sdk-pages', page), formats: ['iife'], name: 'page' },
    },
  })
  const [output] = Array.isArray(built) ? built : [built]
  const chunk = output && 'output' in output ? output.output[0] : undefined
  if (chunk === undefined) throw new Error(`${page} gave no script`)
  return chunk.code
}

async function readJson(url: string): Promise<Record<string, unknown>> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${KEYS.read}` } })
  return (await answer.json()) as Record<string, unknown>
}

async function countsOf(product: RunningProduct): Promise<Record<string, number>> {
  const { metrics } = (await readJson(`${product.url}/v1/growth?window=1h`)) as { metrics: Record<string, { value: number }> }
  return Object.fromEntries(Object.keys(STORY_COUNTS).map((name) => [name, metrics[name]?.value ?? Number.NaN]))
}

/** The counts once they are as expected, or as they stand after a while. */
async function settledCounts(product: RunningProduct): Promise<Record<string, number>> {
  const until = performance.now() + SETTLE_MS_MAX
  for (;;) {
    const counts = await countsOf(product)
    if (JSON.stringify(counts) === JSON.stringify(STORY_COUNTS) || performance.now() > until) return counts
    await sleep(200)
  }
}

async function withProduct(use: (product: RunningProduct) => Promise<void>): Promise<void> {
  const product = await startProduct({
    env: { KAPPA_WRITE_KEY: KEYS.write, KAPPA_SERVER_KEY: KEYS.server, KAPPA_READ_KEY: KEYS.read },
  })
  try {
    await use(product)
  } finally {
    await product.stop()
  }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('50 invites, 20 signups and 30 shares arrive from', () => {
  it.each(Object.entries(servers))('%s', (_name, send) =>
    withProduct(async (product) => {
      await send({ url: product.url, key: KEYS.server, story: sdkStory() })
      expect(await settledCounts(product)).toEqual(STORY_COUNTS)
      await sleep(1_000)
      expect(await countsOf(product)).toEqual(STORY_COUNTS)
    }),
  )

  it.each(Object.entries(pages))('%s in Chromium', (_name, page) =>
    withProduct(async (product) => {
      const script = await bundle(page)
      const site = createServer((request, response) => {
        const isScript = request.url === '/page.js'
        response.setHeader('content-type', isScript ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8')
        response.end(
          isScript ? script : '<!doctype html><html lang="en"><title>A shop</title><h1>A shop</h1><script src="/page.js"></script></html>',
        )
      })
      const context = await browser.newContext({ userAgent: (await agentOf(browser)).replace('HeadlessChrome', 'Chrome') })
      await context.addInitScript(AS_PEOPLE_COME)
      try {
        const tab = await context.newPage()
        const faults: string[] = []
        tab.on('pageerror', (error) => faults.push(String(error)))
        await tab.goto(await listen(site))
        const options = JSON.stringify({ url: product.url, key: KEYS.write, story: sdkStory() })
        await tab.evaluate(`sendStory(${options})`)
        expect(await settledCounts(product)).toEqual(STORY_COUNTS)
        await sleep(1_000)
        expect(await countsOf(product)).toEqual(STORY_COUNTS)
        expect(faults).toEqual([])
      } finally {
        await context.close()
        await new Promise((closed) => site.close(closed))
      }
    }),
  )
})
