import { createMemoryLimits } from '../../ingest/limits/memory-limits.ts'
import { describeRateLimitsContract } from './rate-limits-contract.ts'

describeRateLimitsContract({
  name: 'memory',
  open: async (clock) => ({ limits: createMemoryLimits(clock), close: async () => {} }),
})
