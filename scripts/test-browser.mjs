/**
 * `npm run test:browser`: builds the product as it stands and drives it with a real Chromium (tests/e2e). Arguments are
 * handed to vitest. The tests find the browser in CHROMIUM_PATH, which is set here when it is not.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'

const root = resolve(import.meta.dirname, '..')
const chromium = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
if (!existsSync(chromium)) {
  console.error(`test:browser: there is no Chromium at ${chromium}: apt-get install chromium, or set CHROMIUM_PATH`)
  process.exit(1)
}

const steps = [
  [join(root, 'scripts/build-node.mjs')],
  [join(root, 'scripts/build-browser.mjs')],
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'vitest.e2e.config.ts', ...process.argv.slice(2)],
]
for (const args of steps) {
  const { status, error } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, CHROMIUM_PATH: chromium },
  })
  if (error !== undefined) throw error
  if (status !== 0) process.exit(status ?? 1)
}
