/**
 * `kappa verify` where the engine is: every number of a window three ways, by the stream, by SQL over raw events, and by a
 * naive pass over the log, all as of one place in the log, so that a workspace that is being written to compares exactly.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { WarehouseUnavailableError } from '../schemas/ports/warehouse.ts'
import { DIMENSIONS } from '../schemas/records.ts'
import { ALLOWED_LATENESS_MS, LIVE_WINDOWS, PARTITION_IDLE_MS, type LiveWindow, parseDurationMs } from '../schemas/windows.ts'
import { compareWindow, hasDifference, type StreamNumbers } from '../verify/compare.ts'
import { type LogEntry, readLogEntries } from '../verify/log-entries.ts'
import type { Facts } from '../verify/naive-facts.ts'
import { collectFacts, concerns } from '../verify/naive-pass.ts'
import { naiveWindow } from '../verify/naive-window.ts'
import type { VerifiedWindow } from '../verify/report.ts'
import { sampleEnds } from '../verify/sample-ends.ts'
import { sqlWindow, sqlWindows } from '../verify/sql-window.ts'
import type { WindowNumbers, WindowSpec } from '../verify/window-numbers.ts'
import type { PublishedEnds } from '../warehouse/queries/published-ends.ts'
import { readLeftOut } from '../warehouse/queries/quarantine-pages.ts'
import { CommandError } from './command-error.ts'
import type { VerifyLine, VerifyRequest } from './control-messages.ts'
import type { Engine } from './engine.ts'
import {
  readComputedNumbers,
  readComputedSlices,
  readStreamSnapshot,
  type StreamSnapshot,
  type StreamWindow,
  UNPUBLISHED,
} from './stream-numbers.ts'
import { readRowsAtEnds } from '../warehouse/queries/published-ends.ts'
import { untilReadable } from './until-readable.ts'

/** Published ends of each live window that are recomputed when not all are; as many restated ones besides. */
const ENDS_DEFAULT = 12
/** Ends that ought to be published and are not: a few of them show it. */
const MISSING_ENDS_MAX = 3
/** A window computed while events come in may be of two places in the log: it is computed again. */
const TRIES_MAX = 3
/** Windows that one walk of the SQL over the events computes: as many as its memory allows. */
const WINDOWS_AT_ONCE_MAX = 16
const ROWS_AT_ONCE_MAX = 4_000_000
/** Entries between turns of others, so that a running product goes on answering. */
const ENTRIES_A_TURN = 2_000

/** Recomputes what was asked for. Throws CommandError for a workspace or a window that is not there. */
export async function* verifyEngine(engine: Engine, request: VerifyRequest): AsyncGenerator<VerifyLine> {
  yield* untilReadable(engine)
  if (request.workspace !== undefined && !engine.workspaces.exists(request.workspace)) {
    const names = engine.workspaces.names().join(', ')
    throw new CommandError('workspace_unknown', `there is no workspace ${request.workspace}: there are ${names}`)
  }
  const workspaces = request.workspace === undefined ? engine.workspaces.names() : [request.workspace]
  for (const workspace of workspaces) {
    if (request.atMs === undefined) yield* verifyPublished(engine, workspace, request)
    else yield* verifyAt(engine, workspace, request.window ?? '7d', request.atMs)
  }
  yield { kind: 'end' }
}

/** Tells for how long a quiet moment has been looked for. */
async function* waitingFor<Result>(looking: AsyncGenerator<number, Result>, workspace: string): AsyncGenerator<VerifyLine, Result> {
  for (;;) {
    const { value, done } = await looking.next()
    if (done === true) return value
    const seconds = Math.floor(value / 1_000)
    if (seconds > 0)
      yield { kind: 'progress', done: 0, total: 0, doing: `${workspace}: looking for a quiet moment in the traffic, for ${seconds} s` }
  }
}

async function* verifyPublished(
  engine: Engine,
  workspace: string,
  { window: asked, all, ends = ENDS_DEFAULT }: VerifyRequest,
): AsyncGenerator<VerifyLine> {
  const windows = LIVE_WINDOWS.filter(({ name }) => asked === undefined || name === asked)
  if (windows.length === 0) {
    const names = LIVE_WINDOWS.map(({ name }) => name).join(', ')
    throw new CommandError('window_unknown', `the live windows are ${names}: with --at the window may have any length`)
  }
  const pick = ({ finalMs, restatedMs }: PublishedEnds) => (all ? finalMs : sampleEnds(finalMs, ends, sampleEnds(restatedMs, ends)))
  const snapshot = yield* waitingFor(readStreamSnapshot(engine, workspace, windows, pick), workspace)
  if (snapshot === undefined) {
    throw new CommandError(
      'too_busy',
      `${workspace} is not quiet: no moment was found in which nothing of it is under way; run kappa verify again when there is less traffic, or compare one window with --at`,
    )
  }
  yield { kind: 'progress', done: 0, total: snapshot.windows.length, doing: `${workspace}: reading the log` }
  const pass = await readFacts(engine, workspace, snapshot.belowOffsets)
  const missing = windows.flatMap((window) => missingEnds(window, snapshot, pass))
  const streamed = [...snapshot.windows, ...missing]
  let differs = false
  const size = Math.max(1, Math.min(WINDOWS_AT_ONCE_MAX, Math.floor(ROWS_AT_ONCE_MAX / (1 + pass.facts.ordered.length))))
  for (let from = 0; from < streamed.length; from += size) {
    const group = streamed.slice(from, from + size)
    const doing = `${workspace}: ${group[0]?.window.name} to ${new Date(group[0]?.endMs ?? 0).toISOString()}`
    yield { kind: 'progress', done: from, total: streamed.length, doing }
    const specs = group.map(({ window, endMs }) => ({ endMs, lengthMs: window.lengthMs }))
    const recomputed = await recompute(engine, workspace, specs, snapshot.belowOffsets)
    for (const [index, stream] of group.entries()) {
      const { window, note } = await compareStreamed(
        engine,
        workspace,
        stream,
        recomputed[index] as WindowNumbers,
        snapshot.belowOffsets,
        pass.facts,
      )
      if (note !== undefined) yield { kind: 'note', text: note }
      differs ||= hasDifference(window.numbers)
      yield { kind: 'window', window }
    }
  }
  if (differs && pass.openImports.length > 0) {
    yield {
      kind: 'note',
      text: `an import of ${workspace} has not ended (${pass.openImports.join(', ')}): let it finish, then verify again`,
    }
  }
}

/** By SQL; in smaller groups where all windows at once take more memory than a read may have. */
async function recompute(
  engine: Engine,
  workspace: string,
  windows: readonly WindowSpec[],
  belowOffsets: readonly number[],
): Promise<WindowNumbers[]> {
  try {
    return await sqlWindows(engine.reader, workspace, windows, belowOffsets)
  } catch (error) {
    const isTooLarge = error instanceof WarehouseUnavailableError && /memory limit/i.test(error.message)
    if (!isTooLarge || windows.length === 1) throw error
    const half = Math.ceil(windows.length / 2)
    const first = await recompute(engine, workspace, windows.slice(0, half), belowOffsets)
    return [...first, ...(await recompute(engine, workspace, windows.slice(half), belowOffsets))]
  }
}

async function compareStreamed(
  engine: Engine,
  workspace: string,
  stream: StreamWindow,
  recomputed: WindowNumbers,
  belowOffsets: readonly number[],
  facts: Facts,
): Promise<{ readonly window: VerifiedWindow; readonly note?: string }> {
  const window = { endMs: stream.endMs, lengthMs: stream.window.lengthMs }
  let sql = recomputed
  let log = naiveWindow(facts, window)
  await nextTurn()
  let numbers: StreamNumbers = stream.numbers
  let note: string | undefined
  if (stream.foldedDimensions.length > 0) {
    // Of many values only the largest are published; the API then computes the whole breakdown, so that is compared.
    const computed = await Promise.all(stream.foldedDimensions.map((each) => readComputedSlices(engine, workspace, window, each)))
    if (isSame((await engine.status()).committedOffsets, belowOffsets))
      numbers = { ...numbers, slices: [...numbers.slices, ...computed.flat()] }
    else {
      const kept = DIMENSIONS.filter((dimension) => !stream.foldedDimensions.includes(dimension))
      const only = (each: WindowNumbers) => ({ ...each, slices: each.slices.filter(({ dimension }) => kept.includes(dimension)) })
      sql = only(sql)
      log = only(log)
      const left = stream.foldedDimensions.join(', ')
      note = `${workspace} ${stream.window.name} to ${new Date(stream.endMs).toISOString()}: not compared by ${left}, which has many values and moved meanwhile`
    }
  }
  const compared = { workspace, window: stream.window.name, endMs: stream.endMs, numbers: compareWindow(numbers, sql, log) }
  return { window: compared, ...(note === undefined ? {} : { note }) }
}

/** Ends of panes in which something happened, which the watermark has passed, and which nobody published. */
function missingEnds(window: LiveWindow, { endsOf, watermarkMs }: StreamSnapshot, { facts, openImports }: LogPass): StreamWindow[] {
  const published = new Set(endsOf.get(window)?.finalMs)
  // Where nothing was published at all, the events themselves say how far it should be.
  const passedMs = watermarkMs ?? (facts.ordered.at(-1)?.occurredAtMs ?? Number.NEGATIVE_INFINITY) - PARTITION_IDLE_MS
  // While an import is under way, ends within the lateness wait for its end.
  const closedUpToMs = openImports.length === 0 ? passedMs : passedMs - ALLOWED_LATENESS_MS
  const missing = new Set<number>()
  for (const { occurredAtMs } of facts.ordered) {
    const endMs = Math.ceil(occurredAtMs / window.paneMs) * window.paneMs
    if (endMs <= closedUpToMs && !published.has(endMs)) missing.add(endMs)
  }
  return sampleEnds([...missing], MISSING_ENDS_MAX).map((endMs) => ({ window, endMs, numbers: UNPUBLISHED, foldedDimensions: [] }))
}

/** One window at one end: what the API answers for it beside the two recomputations. */
async function* verifyAt(engine: Engine, workspace: string, window: string, atMs: number): AsyncGenerator<VerifyLine> {
  const lengthMs = parseDurationMs(window)
  if (lengthMs === undefined)
    throw new CommandError('window_unknown', `${window} is no window: give minutes, hours or days, such as 90m, 24h or 7d`)
  const spec: WindowSpec = { endMs: atMs, lengthMs }
  for (let tries = 1; ; tries += 1) {
    yield { kind: 'progress', done: 0, total: 1, doing: `${workspace}: ${window} to ${new Date(atMs).toISOString()}` }
    const { committedOffsets: before } = await engine.status()
    const stream = (yield* readFinalNumbers(engine, workspace, spec)) ?? (await readComputedNumbers(engine, workspace, spec))
    const { committedOffsets: after } = await engine.status()
    const { facts } = await readFacts(engine, workspace, before)
    const numbers = compareWindow(stream, await sqlWindow(engine.reader, workspace, spec, before), naiveWindow(facts, spec))
    if (hasDifference(numbers) && !isSame(before, after) && tries < TRIES_MAX) continue
    yield { kind: 'window', window: { workspace, window, endMs: atMs, numbers } }
    return
  }
}

/** The published numbers of this very end, when it is final and whole. */
async function* readFinalNumbers(
  engine: Engine,
  workspace: string,
  { endMs, lengthMs }: WindowSpec,
): AsyncGenerator<VerifyLine, StreamNumbers | undefined> {
  const live = LIVE_WINDOWS.find((window) => window.lengthMs === lengthMs)
  if (live === undefined || endMs % live.paneMs !== 0) return undefined
  const rows = await readRowsAtEnds(engine.reader, workspace, live.name, [endMs])
  if (rows.find((row) => row.dimension === '')?.final !== true) return undefined
  const snapshot = yield* waitingFor(
    readStreamSnapshot(engine, workspace, [live], () => [endMs]),
    workspace,
  )
  const found = snapshot?.windows.find((window) => window.endMs === endMs)
  return found === undefined || found.foldedDimensions.length > 0 ? undefined : found.numbers
}

interface LogPass {
  readonly facts: Facts
  /** Imports of the workspace of which rows came and no end. */
  readonly openImports: readonly string[]
}

async function readFacts(engine: Engine, workspace: string, belowOffsets: readonly number[]): Promise<LogPass> {
  const endsOfImport = new Map<string, number>()
  const leftOut = new Set((await readLeftOut(engine.reader, workspace)).map(placeOf))
  async function* entries(): AsyncGenerator<LogEntry> {
    let sinceTurn = 0
    for await (const entry of readLogEntries(engine.log, belowOffsets)) {
      sinceTurn += 1
      if (sinceTurn === ENTRIES_A_TURN) {
        sinceTurn = 0
        await nextTurn()
      }
      const { record } = entry
      if (!concerns(record, workspace) || leftOut.has(placeOf(entry))) continue
      if (record.type === 'import_end') endsOfImport.set(record.import_id, (endsOfImport.get(record.import_id) ?? 0) + 1)
      else if ('import_id' in record && record.import_id !== undefined && !endsOfImport.has(record.import_id))
        endsOfImport.set(record.import_id, 0)
      yield entry
    }
  }
  const facts = await collectFacts(entries(), workspace)
  const openImports = [...endsOfImport].filter(([, ends]) => ends < engine.log.partitions).map(([id]) => id)
  return { facts, openImports }
}

function placeOf({ partition, offset }: { readonly partition: number; readonly offset: number }): string {
  return `${partition}/${offset}`
}

function isSame(left: readonly number[], right: readonly number[]): boolean {
  return left.every((offset, partition) => offset === right[partition])
}
