/**
 * Builds what runs in browsers: the dashboard (dist/dashboard, from dashboard/vite.config.ts) and the SDK that a site
 * loads as /kappa.js (dist/browser/kappa.js, one self-contained script). Fails when the SDK outgrows its promised size.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { gzipSync } from 'node:zlib'
import { build } from 'vite'

/** The promise made to sites that load the SDK: under 8 KB over the wire. */
const SDK_GZIP_BYTES_MAX = 8 * 1024

const root = resolve(import.meta.dirname, '..')
const startedAt = performance.now()

for (const source of ['dashboard/vite.config.ts', 'ingest/browser/kappa.ts']) {
  if (existsSync(join(root, source))) continue
  console.error(`build:browser: ${source} is missing`)
  process.exit(1)
}

await build({ configFile: join(root, 'dashboard/vite.config.ts'), logLevel: 'warn' })

await build({
  configFile: false,
  root: join(root, 'ingest/browser'),
  logLevel: 'warn',
  publicDir: false,
  build: {
    outDir: join(root, 'dist/browser'),
    emptyOutDir: true,
    minify: true,
    target: ['chrome100', 'firefox100', 'safari15.4'],
    lib: { entry: join(root, 'ingest/browser/kappa.ts'), name: 'KappaSdk', formats: ['iife'], fileName: () => 'kappa.js' },
  },
})

const sdk = readFileSync(join(root, 'dist/browser/kappa.js'))
const sdkGzipBytes = gzipSync(sdk, { level: 9 }).length
if (sdkGzipBytes > SDK_GZIP_BYTES_MAX) {
  console.error(`build:browser: kappa.js is ${sdkGzipBytes} bytes gzipped, more than ${SDK_GZIP_BYTES_MAX}`)
  process.exit(1)
}
console.log(
  `build:browser: dist/dashboard and dist/browser/kappa.js (${sdkGzipBytes} bytes gzipped) (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`,
)
