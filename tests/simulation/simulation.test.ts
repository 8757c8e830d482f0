/** A seed decides everything: without that, one that fails could not be played again. Many seeds: tests/integration/many-seeds.test.ts. */
import { expect, it } from 'vitest'
import { simulateSeed } from './simulate-seed.ts'

it.each([13])('seed %i gives the same story each time, in which every promise is kept', async (seed) => {
  const [first, again] = [await simulateSeed(seed), await simulateSeed(seed)]
  expect(again).toEqual(first)
  expect(first.broken).toEqual([])
})
