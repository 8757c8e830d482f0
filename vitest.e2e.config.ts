import { defineConfig } from 'vitest/config'

/** What `npm run test:browser` runs: a real Chromium against the built product, one file at a time. */
export default defineConfig({
  test: {
    include: ['tests/e2e/**/*.test.ts'],
    environment: 'node',
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    passWithNoTests: false,
    reporters: ['default', './tests/support/totals-reporter.ts'],
  },
})
