/**
 * Runs after `npm ci`: builds everything. Without the development dependencies (`--omit=dev`) there is nothing to build
 * with, and a package that came with its dist/ needs no build: that is said, and is no failure.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'

const root = resolve(import.meta.dirname, '..')
const tools = ['typescript-native', 'vite'].filter((name) => !existsSync(join(root, 'node_modules', name)))
if (tools.length > 0) {
  console.error(`prepare: nothing built, the development dependencies are not installed (${tools.join(', ')})`)
} else {
  for (const script of ['build-node.mjs', 'build-browser.mjs']) {
    const built = spawnSync(process.execPath, [join(import.meta.dirname, script)], { cwd: root, stdio: 'inherit' })
    if (built.status !== 0) process.exit(1)
  }
}
