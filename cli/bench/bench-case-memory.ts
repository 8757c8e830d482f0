/** Memory of the process that holds the state of all people: while it imports, and once it has settled. */
import type { BenchCase } from './bench-case.ts'
import { atMost } from './bench-figures.ts'

const PEAK_MB_MAX = 3_000
const SETTLED_MB_MAX = 1_500

export const memory: BenchCase = {
  name: 'memory',
  measures: 'Resident memory of the whole product while it imports and after it; a tenth as many people as events.',
  async run(context) {
    const { peak, settled } = await context.imported()
    const empty = await context.withProduct((product) => product.memory())
    const baseline = { name: 'the product without events', value: empty.mb }
    return [
      { name: 'peak of the import', unit: 'MB', value: peak.peakMb, limit: atMost(PEAK_MB_MAX), baseline },
      { name: 'settled', unit: 'MB', value: settled.mb, limit: atMost(SETTLED_MB_MAX), baseline },
    ]
  },
}
