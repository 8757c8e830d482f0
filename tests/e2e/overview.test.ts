/** The Overview of the real product in a real browser. */
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { type RunningProduct, startProduct } from '../support/running-product.ts'

const WRITE_KEY = 'write-key-of-the-overview-test'
/** A page with numbers stands within this; the promise of `kappa up --demo`. */
const NUMBERS_MS_MAX = 10_000

let browser: Browser
const faults: string[] = []

/** A page of its own context; what it logs as an error fails the test. */
async function openPage(address: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  const page = await context.newPage()
  page.on('console', (message) => message.type() === 'error' && faults.push(`${message.text()} ${message.location().url}`))
  page.on('pageerror', (error) => faults.push(String(error)))
  await page.goto(address)
  return page
}

async function axeViolations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`)
}

const metric = (page: Page, name: string) => page.locator(`[data-metric="${name}"]`)

beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(async () => {
  await browser.close()
})
afterEach(async () => {
  for (const context of browser.contexts()) await context.close()
  expect(faults.splice(0)).toEqual([])
})

describe('with demo traffic', () => {
  let product: RunningProduct
  beforeAll(async () => {
    product = await startProduct({ flags: ['--demo'] })
  })
  afterAll(() => product.stop())

  it('shows numbers within 10 seconds, and they move by themselves', async () => {
    const startedAtMs = performance.now()
    const page = await openPage(product.url)
    const activeUsers = metric(page, 'active_users')
    await expect.poll(() => activeUsers.textContent({ timeout: NUMBERS_MS_MAX }), { timeout: NUMBERS_MS_MAX }).toMatch(/^[1-9]/)
    expect(performance.now() - startedAtMs).toBeLessThan(NUMBERS_MS_MAX)
    for (const name of ['referral_rate', 'participation', 'outreach_per_spreader', 'conversion', 'viral_coefficient']) {
      await expect.poll(() => metric(page, name).textContent()).toMatch(/\d/)
    }
    const countsText = () => page.getByRole('region', { name: 'Counts' }).textContent()
    const before = await countsText()
    await expect.poll(countsText, { timeout: 20_000 }).not.toBe(before)
    // The demo begins with history: the watermark reaches now when that is taken in.
    await expect
      .poll(() => page.locator('.freshness').textContent(), { timeout: 30_000 })
      .toMatch(/Live.*numbers as of \d\d:\d\d:\d\d, watermark \d+ s behind/)
  })

  it('draws the series and lists the channels', async () => {
    const page = await openPage(product.url)
    await page.getByRole('radio', { name: 'Active users' }).check()
    expect(new URL(page.url()).searchParams.get('series')).toBe('active_users')
    await page.getByRole('heading', { name: 'Active users over time' }).waitFor()
    await page.locator('.series-chart, .series-waiting').first().waitFor()
    const rows = page.locator('.channels tbody tr')
    await expect.poll(() => rows.count()).toBeGreaterThan(1)
    await page.getByRole('button', { name: 'Channel', exact: true }).click()
    const names = await rows.locator('th').allTextContents()
    expect(names.length).toBeGreaterThan(1)
    expect(await page.locator('th[aria-sort="ascending"]').textContent()).toContain('Channel')
  })

  it('keeps the window in the URL: switch, back, and deep link', async () => {
    const page = await openPage(product.url)
    await metric(page, 'active_users').waitFor()
    await page.getByRole('radio', { name: '1h' }).check()
    expect(new URL(page.url()).search).toBe('?window=1h')
    await page.getByText(/^Last hour, to /).waitFor()
    await page.goBack()
    await page.getByText(/^Last 7 days, to /).waitFor()
    expect(await page.getByRole('radio', { name: '7d' }).isChecked()).toBe(true)

    const linked = await openPage(`${product.url}/?window=24h&series=referral_rate`)
    await linked.getByText(/^Last 24 hours, to /).waitFor()
    await linked.getByRole('heading', { name: 'Referral rate over time' }).waitFor()
  })

  it('explains every number to mouse and keyboard', async () => {
    const page = await openPage(product.url)
    const term = page.getByRole('button', { name: 'Viral coefficient' }).first()
    await term.hover()
    const tooltip = page.getByRole('tooltip').filter({ hasText: 'Referred signups per person who invited or shared' })
    await tooltip.first().waitFor({ state: 'visible' })
    await page.keyboard.press('Escape')
    await tooltip.first().waitFor({ state: 'hidden' })
  })

  it.each(['light', 'dark'] as const)(
    'has no accessibility violation in %s, and keeps the chosen theme',
    { timeout: 120_000 },
    async (colorScheme) => {
      const page = await openPage(product.url, { colorScheme })
      await metric(page, 'active_users').waitFor()
      await page.locator('.series-chart, .series-waiting').first().waitFor()
      expect(await axeViolations(page)).toEqual([])
      const other = colorScheme === 'dark' ? 'light' : 'dark'
      const canvas = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
      const before = await canvas()
      await page.getByRole('button', { name: `Switch to ${other} theme` }).click()
      await expect.poll(canvas).not.toBe(before)
      await page.reload()
      await metric(page, 'active_users').waitFor()
      expect(await canvas()).not.toBe(before)
      expect(await axeViolations(page)).toEqual([])
    },
  )

  it('fits a phone without scrolling sideways', async () => {
    const page = await openPage(product.url, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true })
    await metric(page, 'active_users').waitFor()
    await page.locator('.series-chart, .series-waiting').first().waitFor()
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
    expect(await axeViolations(page)).toEqual([])
  })
})

describe('before the first event', () => {
  let product: RunningProduct
  beforeAll(async () => {
    product = await startProduct({ env: { KAPPA_WRITE_KEY: WRITE_KEY } })
  })
  afterAll(() => product.stop())

  it('shows how to send one, and becomes the page by itself when it arrives', async () => {
    const page = await openPage(product.url)
    await page.getByRole('heading', { name: 'Send your first event' }).waitFor()
    expect(await page.locator('.first-event-code').textContent()).toContain(`${product.url}/v1/events`)
    expect(await axeViolations(page)).toEqual([])

    const answer = await fetch(`${product.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${WRITE_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'share', actor_id: 'user-1', content_id: 'welcome', channel: '<b>link</b>' }),
    })
    expect(answer.status).toBe(202)
    await expect.poll(() => metric(page, 'shares').textContent({ timeout: NUMBERS_MS_MAX }), { timeout: NUMBERS_MS_MAX }).toBe('1')
    expect(await metric(page, 'k_factor').textContent()).toBe('–')
    await page.getByRole('rowheader', { name: '<b>link</b>' }).waitFor()
    expect(await axeViolations(page)).toEqual([])
  })
})
