import { defineConfig } from 'vitest/config'

/**
 * What `npm test` runs: everything that needs nothing but Node. Each file has a process of its own (forks), since the
 * embedded warehouse opens one data folder per process; two at a time keeps memory and a two-core machine in bounds.
 */
export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/e2e/**', 'tests/integration/**', '**/node_modules/**'],
    environment: 'node',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    passWithNoTests: false,
    reporters: ['default', './tests/support/totals-reporter.ts'],
  },
})
