/** The product under simulation (simulate-seed.ts): a few seeds here, as many as wanted by `npm run simulation`. */
import { describe, expect, it } from 'vitest'
import { simulateSeed } from './simulate-seed.ts'

describe('a seed', () => {
  it('gives the same story each time', async () => {
    const [first, again] = [await simulateSeed(4), await simulateSeed(4)]
    expect(again).toEqual(first)
  })
})
