/**
 * `npm run simulation`: bundles tests/simulation/run-simulation.ts, so that it runs as fast as the product does, and runs it
 * in this process. Arguments are handed on (see there).
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'vite'

const root = resolve(import.meta.dirname, '..')
// Inside of the repository, so that packages are found.
const folder = await mkdtemp(join(root, 'node_modules', '.simulation-'))
try {
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: { ssr: 'tests/simulation/run-simulation.ts', outDir: folder, target: 'node20', minify: false, emptyOutDir: false },
  })
  await import(pathToFileURL(join(folder, 'run-simulation.js')).href)
} finally {
  await rm(folder, { recursive: true, force: true })
}
