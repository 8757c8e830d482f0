import { defineConfig } from 'vitest/config'

/** What `npm run test:integration` runs: the built product in processes of its own, over minutes; one file at a time. */
export default defineConfig({
  test: {
    include: ['tests/integration/**/*.test.ts'],
    environment: 'node',
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    passWithNoTests: false,
    reporters: ['default', './tests/support/totals-reporter.ts'],
  },
})
