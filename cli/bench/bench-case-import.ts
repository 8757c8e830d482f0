/** Import, end to end: validated, durable, through all processors, readable in the warehouse. */
import type { BenchCase } from './bench-case.ts'
import { atLeast } from './bench-figures.ts'

const EVENTS_PER_SECOND_MIN = 150_000
const PARSE_SHARE_MIN = 0.1
/** Events of an append, as an import makes them. */
const APPEND_BATCH = 1_000

export const importEvents: BenchCase = {
  name: 'import',
  measures: 'Events a second from a file until they are durable, through all processors and readable in the warehouse.',
  async run(context) {
    const { path, events } = await context.events()
    const { outcome, parsedPerSecond } = await context.imported()
    if (outcome.accepted === 0) throw new Error('no event of the file was accepted')
    const perSecond = events / outcome.seconds
    const inserted = await context.part('insert', { path, folder: context.folder })
    const appended = await context.part('append', { path, eventsMax: 1_000_000, batch: APPEND_BATCH, folder: context.folder })
    return [
      {
        name: 'imported',
        unit: 'events/s',
        value: perSecond,
        limit: atLeast(EVENTS_PER_SECOND_MIN),
        baseline: { name: 'JSON.parse of the same bytes on one core', value: parsedPerSecond },
      },
      { name: 'share of JSON.parse', unit: 'share', value: perSecond / parsedPerSecond, limit: atLeast(PARSE_SHARE_MIN) },
      {
        name: 'imported, beside the bare engine',
        unit: 'events/s',
        value: perSecond,
        baseline: { name: 'a bare insert of the same rows', value: inserted },
      },
      {
        name: 'imported, beside the bare log',
        unit: 'events/s',
        value: perSecond,
        baseline: { name: 'a bare append of the same bytes', value: appended.eventsPerSecond },
      },
      { name: 'CPU of all threads', unit: 'us/event', value: (outcome.cpuSeconds * 1e6) / events },
    ]
  },
}
