/** All cases, in the order in which they run: what ends the product with the events in it comes last. */
import type { BenchCase } from './bench-case.ts'
import { HTTP_BATCH_CASES } from './bench-case-http.ts'
import { importEvents } from './bench-case-import.ts'
import { liveClients } from './bench-case-live-clients.ts'
import { memory } from './bench-case-memory.ts'
import { httpPace } from './bench-case-pace.ts'
import { queries } from './bench-case-queries.ts'
import { replay } from './bench-case-replay.ts'
import { startEmpty, startWithEvents } from './bench-case-start.ts'
import { acceptToSse } from './bench-case-watched.ts'

export const BENCH_CASES: readonly BenchCase[] = [
  startEmpty,
  ...HTTP_BATCH_CASES,
  httpPace,
  acceptToSse,
  liveClients,
  importEvents,
  memory,
  queries,
  startWithEvents,
  replay,
]
