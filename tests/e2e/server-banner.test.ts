/** The banner above every page, in a real browser: what does not work, since when, and what works all the same. */
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Readiness } from '../../schemas/readiness-api.ts'
import { launchChromium } from '../support/chromium.ts'
import { type RunningProduct, startProduct } from '../support/running-product.ts'

const WAREHOUSE_AWAY: Readiness = {
  ready: false,
  not_ready: [
    {
      name: 'warehouse',
      reason: 'the warehouse did not take the statement: connect ECONNREFUSED 10.0.0.7:8123',
      since: '2026-03-10T12:00:00.000Z',
    },
  ],
  sink_lag: { events: 12_345, ms: 61_000 },
}

let browser: Browser
let product: RunningProduct
beforeAll(async () => {
  browser = await launchChromium()
  product = await startProduct({ flags: ['--demo'] })
})
afterAll(async () => {
  await browser.close()
  await product.stop()
})
afterEach(async () => {
  for (const context of browser.contexts()) await context.close()
})

/** A page whose server says this of itself; changed by `say`. */
async function openPage(
  options: BrowserContextOptions = {},
): Promise<{ page: Page; say: (said: Readiness | 'nothing' | 'the truth') => void }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  const page = await context.newPage()
  let said: Readiness | 'nothing' | 'the truth' = 'the truth'
  await page.route('**/readyz', (route) => {
    if (said === 'the truth') return route.continue()
    return said === 'nothing' ? route.abort() : route.fulfill({ status: said.ready ? 200 : 503, json: said })
  })
  await page.goto(product.url)
  await page.locator('[data-metric="active_users"]').waitFor()
  return {
    page,
    say: (next) => {
      said = next
    },
  }
}

const banner = (page: Page) => page.locator('.server-banner')
const TOLD_MS_MAX = 12_000

describe('the banner', () => {
  it('is not there while all is well, comes with trouble, and goes with it', async () => {
    const { page, say } = await openPage()
    await expect.poll(() => banner(page).count()).toBe(1)
    expect(await banner(page).isVisible()).toBe(false)
    say(WAREHOUSE_AWAY)
    await page.getByText('The warehouse does not answer').waitFor({ timeout: TOLD_MS_MAX })
    const text = await banner(page).textContent()
    expect(text).toContain('since')
    expect(text).toContain('Events are still taken and kept')
    expect(text).toContain('ECONNREFUSED')
    expect(await banner(page).locator('time').getAttribute('datetime')).toBe('2026-03-10T12:00:00.000Z')
    say('the truth')
    await banner(page).waitFor({ state: 'hidden', timeout: TOLD_MS_MAX })
  })

  it('says when the server does not answer at all, and keeps the numbers', async () => {
    const { page, say } = await openPage()
    const numbers = await page.locator('[data-metric="active_users"]').textContent()
    say('nothing')
    await page.getByText('Kappa does not answer').waitFor({ timeout: TOLD_MS_MAX })
    expect(numbers).toMatch(/\d/)
    await page.locator('[data-metric="active_users"]').waitFor()
  })

  it.each(['light', 'dark'] as const)(
    'has no accessibility violation in %s, and fits a phone',
    { timeout: 120_000 },
    async (colorScheme) => {
      const { page, say } = await openPage({ colorScheme, viewport: { width: 360, height: 740 } })
      say(WAREHOUSE_AWAY)
      await page.getByText('The warehouse does not answer').waitFor({ timeout: TOLD_MS_MAX })
      const { violations } = await new AxeBuilder({ page }).include('.server-banner').analyze()
      expect(violations.map(({ id }) => id)).toEqual([])
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360)
    },
  )
})
