/**
 * Small histories with the numbers that follow from them by METRICS, for what the real data sets do not touch. The very
 * same table runs through the naive pass, the SQL and the stream.
 */
import { attributionScenarios } from './scenarios-attribution.ts'
import { countScenarios } from './scenarios-counts.ts'
import { kScenarios } from './scenarios-k.ts'
import { timeScenarios } from './scenarios-time.ts'
import type { Scenario } from './scenario.ts'

export const SCENARIOS: readonly Scenario[] = [...countScenarios, ...attributionScenarios, ...timeScenarios, ...kScenarios]
