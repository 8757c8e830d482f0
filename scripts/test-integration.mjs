/**
 * `npm run test:integration`: installs the engines (install-integration.mjs), builds the product as it stands, and
 * runs tests/integration against them. Arguments are handed to vitest.
 */
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import process from 'node:process'

const root = resolve(import.meta.dirname, '..')
const steps = [
  [join(root, 'scripts/install-integration.mjs')],
  [join(root, 'scripts/build-node.mjs')],
  [join(root, 'scripts/build-browser.mjs')],
  [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'vitest.integration.config.ts', ...process.argv.slice(2)],
]
for (const args of steps) {
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (error !== undefined) throw error
  if (status !== 0) process.exit(status ?? 1)
}
