/** `/kappa.js` on a foreign site, against the real product. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { type RunningProduct, startProduct } from '../support/running-product.ts'

const WRITE_KEY = 'write-key-of-the-browser-sdk-test'
const READ_KEY = 'read-key-of-the-browser-sdk-test'

interface SentEvent {
  readonly type: string
  readonly event_id: string
  readonly [field: string]: unknown
}

let browser: Browser
let product: RunningProduct
let site: Server
let siteUrl: string
let context: BrowserContext

beforeAll(async () => {
  browser = await launchChromium()
  product = await startProduct({ env: { KAPPA_WRITE_KEY: WRITE_KEY, KAPPA_READ_KEY: READ_KEY } })
  site = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(`<!doctype html><html lang="en"><title>A shop</title><h1>A shop</h1>
      <button data-kappa-share="article-42" data-kappa-channel="WhatsApp"><span id="inner">Share</span></button>
      <script defer src="${product.url}/kappa.js" data-key="${WRITE_KEY}"></script></html>`)
  })
  await new Promise<void>((listening) => site.listen(0, '127.0.0.1', listening))
  siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
})
afterAll(async () => {
  await browser.close()
  await new Promise((closed) => site.close(closed))
  await product.stop()
})
beforeEach(async () => {
  context = await browser.newContext()
})
afterEach(async () => {
  await context.close()
})

/** A page of the site; everything it sends to the product, and what it answered, is noted. */
async function openSite(): Promise<{ page: Page; sent: SentEvent[]; answers: unknown[]; faults: string[] }> {
  const page = await context.newPage()
  const sent: SentEvent[] = []
  const answers: unknown[] = []
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => {
    if (request.method() === 'POST') sent.push(...(JSON.parse(request.postData() ?? '[]') as SentEvent[]))
  })
  page.on('response', (response) => {
    if (response.request().method() !== 'POST') return
    response.json().then(
      (answer) => answers.push(answer),
      () => undefined,
    )
  })
  await page.goto(`${siteUrl}/articles/42?private=1`)
  await page.waitForFunction('window.kappa !== undefined')
  return { page, sent, answers, faults }
}

/** Counts of the last hour as the product answers them. */
async function counts(): Promise<Record<string, number>> {
  const answer = await fetch(`${product.url}/v1/growth?window=1h&by=channel`, { headers: { authorization: `Bearer ${READ_KEY}` } })
  const { metrics, rows } = (await answer.json()) as {
    metrics: Record<string, { value: number }>
    rows: { channel: string; metrics: Record<string, { value: number }> }[]
  }
  const named = (name: string) => metrics[name]?.value ?? Number.NaN
  return {
    shares: named('shares'),
    invites_sent: named('invites_sent'),
    referred_signups: named('referred_signups'),
    active_users: named('active_users'),
    shares_by_whatsapp: rows.find(({ channel }) => channel === 'whatsapp')?.metrics['shares']?.value ?? 0,
  }
}

const growthOf = (sent: readonly SentEvent[]) => sent.filter(({ type }) => type !== 'rum')

describe('the browser SDK', () => {
  it('sends shares by attribute, invites and conversions by call, and the numbers have them', async () => {
    const before = await counts()
    const { page, sent, answers, faults } = await openSite()
    await page.locator('#inner').click()
    const inviteId = await page.evaluate<string>("kappa.invite({ channel: 'email' })")
    await page.evaluate("kappa.identify('friend-' + Date.now())")
    await page.evaluate(`kappa.conversion({ kind: 'signup', invite_id: '${inviteId}' })`)
    await expect.poll(counts, { timeout: 10_000 }).toEqual({
      shares: (before['shares'] ?? 0) + 1,
      invites_sent: (before['invites_sent'] ?? 0) + 1,
      referred_signups: (before['referred_signups'] ?? 0) + 1,
      active_users: (before['active_users'] ?? 0) + 2,
      shares_by_whatsapp: (before['shares_by_whatsapp'] ?? 0) + 1,
    })
    const [share, invite, conversion] = growthOf(sent)
    expect(share).toMatchObject({ type: 'share', content_id: 'article-42', channel: 'WhatsApp' })
    expect(String(share?.['actor_id'])).toMatch(/^anon-[0-9a-f-]{36}$/)
    expect(invite?.['actor_id']).toBe(share?.['actor_id'])
    expect(String(conversion?.['actor_id'])).toMatch(/^friend-/)
    expect(JSON.stringify(answers)).not.toContain('event_id')
    expect(faults).toEqual([])
  })

  it('keeps events while offline and over a closed page, in order, with the time of the call', async () => {
    const first = await openSite()
    await expect.poll(() => first.sent.some(({ name }) => name === 'TTFB'), { timeout: 10_000 }).toBe(true)
    const before = await counts()
    await context.setOffline(true)
    await first.page.evaluate("for (const place of [1, 2, 3]) kappa.share({ content_id: 'offline-' + place })")
    const calledBeforeMs = Date.now()
    await first.page.close()
    await context.setOffline(false)

    const second = await openSite()
    await expect.poll(() => growthOf(second.sent).length, { timeout: 15_000 }).toBe(3)
    expect(growthOf(second.sent).map((event) => event['content_id'])).toEqual(['offline-1', 'offline-2', 'offline-3'])
    for (const event of growthOf(second.sent)) expect(event['occurred_at']).toBeLessThanOrEqual(calledBeforeMs)
    await expect.poll(async () => (await counts())['shares'], { timeout: 10_000 }).toBe((before['shares'] ?? 0) + 3)
    await expect.poll(() => second.page.evaluate("localStorage.getItem('kappa.outbox')")).toBe('[]')
  })

  it('counts once what it had to send twice', async () => {
    const { page, sent } = await openSite()
    const before = await counts()
    let lostAnswers = 0
    await page.route('**/v1/events**', async (route) => {
      if (lostAnswers > 0) return route.continue()
      lostAnswers += 1
      await route.fetch()
      return route.abort()
    })
    await page.evaluate("kappa.share({ content_id: 'twice' })")
    const tries = () => growthOf(sent).filter((event) => event['content_id'] === 'twice')
    await expect.poll(() => tries().length, { timeout: 15_000 }).toBe(2)
    expect(new Set(tries().map(({ event_id }) => event_id)).size).toBe(1)
    expect(new Set(tries().map((event) => event['occurred_at'])).size).toBe(1)
    await expect.poll(() => page.evaluate("localStorage.getItem('kappa.outbox')"), { timeout: 10_000 }).toBe('[]')
    await expect.poll(async () => (await counts())['shares'], { timeout: 10_000 }).toBe((before['shares'] ?? 0) + 1)
  })

  it('sends the web vitals of the page, the last ones by beacon when it is left', async () => {
    // The browser's own report of a beacon is lost with the page that sends it: note it where the next page can read it.
    await context.addInitScript(`{
      const send = navigator.sendBeacon.bind(navigator)
      navigator.sendBeacon = (url, body) => {
        const taken = send(url, body)
        if (taken) localStorage.setItem('test.beacons', JSON.stringify([...JSON.parse(localStorage.getItem('test.beacons') ?? '[]'), ...JSON.parse(body)]))
        return taken
      }
    }`)
    const { page, sent, answers } = await openSite()
    await page.locator('h1').click()
    await page.evaluate("kappa.rum('search', 130)")
    await expect.poll(() => sent.map((event) => event['name'])).toEqual(expect.arrayContaining(['TTFB', 'FCP', 'LCP', 'search']))
    await page.goto(`${siteUrl}/elsewhere`)
    const beacons = JSON.parse(await page.evaluate<string>("localStorage.getItem('test.beacons') ?? '[]'")) as SentEvent[]
    expect(beacons.map((event) => event['name'])).toContain('CLS')
    for (const event of beacons) expect(event).toMatchObject({ type: 'rum', page: '/articles/42' })
    expect(JSON.stringify(answers)).not.toContain('event_id')
  })

  it('never throws into the page, whatever it is given or denied', async () => {
    await context.addInitScript(`Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied') } })`)
    const { page, sent, faults } = await openSite()
    await page.evaluate(`{
      const cyclic = {}
      cyclic.self = cyclic
      for (const name of ['identify', 'share', 'invite', 'conversion', 'rum']) {
        for (const given of [undefined, null, 1, '', 'text', {}, [], 10n, { properties: cyclic }, { properties: { big: 1n } }, Symbol('x')]) kappa[name](given)
      }
      kappa.identify('user-1')
      kappa.share({ content_id: 'after-all' })
    }`)
    await expect.poll(() => sent.some((event) => event['content_id'] === 'after-all'), { timeout: 10_000 }).toBe(true)
    expect(faults).toEqual([])
  })
})
