import { defineConfig } from 'vitest/config'

/**
 * What `npm run test:integration` runs: the built product in processes of its own and real engines, over minutes; one
 * file at a time. The versions of Kafka stand in tests/support/brokers/kafka-jars.ts.
 */
export default defineConfig({
  test: {
    include: ['tests/integration/**/*.test.ts'],
    globalSetup: ['./tests/support/brokers/fetch-kafka.ts'],
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
