/** Memory of the process that holds the state of all people: while it imports, and once it has settled. */
import type { BenchCase } from './bench-case.ts'
import { atMost, type Figure } from './bench-figures.ts'

const PEAK_MB_MAX = 3_000
const SETTLED_MB_MAX = 1_500

export const memory: BenchCase = {
  name: 'memory',
  measures: 'Resident memory of the whole product while it imports and after it; a tenth as many people as events.',
  async run(context) {
    const { peak, ownPeakMb, settled } = await context.imported()
    const empty = await context.withProduct((product) => product.memory())
    const baseline = { name: 'the product without events', value: empty.mb }
    return [
      { name: 'peak of the import', unit: 'MB', value: peak.peakMb, limit: atMost(PEAK_MB_MAX), baseline },
      { name: 'settled', unit: 'MB', value: settled.mb, limit: atMost(SETTLED_MB_MAX), baseline },
      ...own('peak without mapped files', ownPeakMb, empty.ownMb),
      ...own('settled without mapped files', settled.ownMb, empty.ownMb),
    ]
  },
}

/** What the kernel can't take back: the log is mapped, and read from end to end its pages count as resident. */
function own(name: string, value: number | undefined, emptyMb: number | undefined): Figure[] {
  if (value === undefined || emptyMb === undefined) return []
  return [{ name, unit: 'MB', value, baseline: { name: 'the product without events', value: emptyMb } }]
}
