/** The product under simulation (tests/simulation): seeds that keep every promise, and planted bugs that some seed must find. */
import { describe, expect, it } from 'vitest'
import { BUGS } from '../simulation/planted-bugs.ts'
import { simulateSeed } from '../simulation/simulate-seed.ts'

/** More by `npm run simulation -- --seeds N`. */
const SEEDS = 50
/** Each bug is found within so many. */
const SEEDS_FOR_BUG = 100

it('every promise is kept, whatever a seed has happen', async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { form, broken } = await simulateSeed(seed)
    expect(broken, `seed ${seed} (${form}): npm run simulation -- --seed ${seed} --trace`).toEqual([])
  }
}, 300_000)

describe('a seed finds a product that', () => {
  it.each(BUGS)(
    '%s',
    async (bug) => {
      for (let seed = 1; seed <= SEEDS_FOR_BUG; seed += 1) if ((await simulateSeed(seed, { bug })).broken.length > 0) return
      expect.unreachable(`${SEEDS_FOR_BUG} seeds did not find it`)
    },
    300_000,
  )
})
