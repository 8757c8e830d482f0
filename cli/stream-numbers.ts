/** The stream's side of a verification: published rows as of one place in the log, and what the API computes at any other end. */
import { setTimeout as sleep } from 'node:timers/promises'
import { deriveGrowthMetrics } from '../metrics/derive-growth.ts'
import { DIMENSIONS, type Dimension, type GrowthRow, type KStatistics } from '../schemas/records.ts'
import type { LiveWindow } from '../schemas/windows.ts'
import type { StreamNumbers } from '../verify/compare.ts'
import { NO_COUNTS, type SliceNumbers, type WindowSpec } from '../verify/window-numbers.ts'
import { type PublishedEnds, readPublishedEnds, readRowsAtEnds } from '../warehouse/queries/published-ends.ts'
import { readGrowthBreakdown, readGrowthCounts, SLICES_MAX } from '../warehouse/queries/growth-window.ts'
import { readKStatistics } from '../warehouse/queries/k-statistics.ts'
import type { Engine } from './engine.ts'

/** How long a moment is looked for in which nothing is under way; beside steady traffic on several partitions there may be none. */
const QUIET_MS_MAX = 180_000
/** Reads after which running windows are left out. */
const RUNNING_TRIES_MAX = 3
const PAUSE_MS = 60
const OTHER = '(other)'
const NO_K: KStatistics = { credits: 0, credits_squared: 0, people: 0, cycles: 0, exposure: null }

/** One published end as the stream has it. */
export interface StreamWindow {
  readonly window: LiveWindow
  readonly endMs: number
  readonly numbers: StreamNumbers
  /** Dimensions of which only the largest values are published: not all of their slices are in `numbers`. */
  readonly foldedDimensions: readonly Dimension[]
}

export interface StreamSnapshot {
  /** Every row reflects exactly the records before these offsets. */
  readonly belowOffsets: readonly number[]
  /** The committed watermark; null before the first event. */
  readonly watermarkMs: number | null
  readonly windows: readonly StreamWindow[]
  readonly endsOf: ReadonlyMap<LiveWindow, PublishedEnds>
}

/**
 * Reads the rows of the ends that `pick` chooses, and of the running one, of each window. A row carries the log position
 * that it reflects; when one is newer than the place that was taken for all, all are read again. After a while of that
 * running windows are left out, which change with every event. Yields for how many milliseconds it has been looking; returns
 * undefined after `quietMsMax` of them, when something was under way, or closed windows changed, every time.
 */
export async function* readStreamSnapshot(
  engine: Pick<Engine, 'wholePlace' | 'reader'>,
  workspace: string,
  windows: readonly LiveWindow[],
  pick: (ends: PublishedEnds) => readonly number[],
  quietMsMax = QUIET_MS_MAX,
): AsyncGenerator<number, StreamSnapshot | undefined> {
  const beganMs = performance.now()
  for (let tries = 0; ; await sleep(PAUSE_MS)) {
    const lookedMs = performance.now() - beganMs
    if (lookedMs > quietMsMax) return undefined
    yield lookedMs
    const place = await engine.wholePlace(workspace)
    if (place === undefined) continue
    const endsOf = new Map<LiveWindow, PublishedEnds>()
    const found: StreamWindow[] = []
    const isNewer = ({ version }: GrowthRow) => version > place.version
    let isWhole = true
    let watermarkMs: number | null = null
    for (const window of windows) {
      const ends = await readPublishedEnds(engine.reader, workspace, window.name)
      endsOf.set(window, ends)
      const chosen = [...new Set([...pick(ends), ...(ends.runningMs === null ? [] : [ends.runningMs])])]
      for (const [endMs, rows] of byEnd(await readRowsAtEnds(engine.reader, workspace, window.name, chosen))) {
        const hasMoved = rows.some(isNewer)
        if (hasMoved && endMs === ends.runningMs && tries >= RUNNING_TRIES_MAX) continue
        if (hasMoved) isWhole = false
        for (const row of rows) watermarkMs = Math.max(watermarkMs ?? row.watermark_ms, row.watermark_ms)
        found.push(streamWindow(window, endMs, rows))
      }
    }
    if (isWhole) return { belowOffsets: place.belowOffsets, watermarkMs, windows: found, endsOf }
    tries += 1
  }
}

function byEnd(rows: readonly GrowthRow[]): [number, GrowthRow[]][] {
  const ends = new Map<number, GrowthRow[]>()
  for (const row of rows) {
    const at = ends.get(row.end_ms)
    if (at === undefined) ends.set(row.end_ms, [row])
    else at.push(row)
  }
  return [...ends].sort(([left], [right]) => left - right)
}

function streamWindow(window: LiveWindow, endMs: number, rows: readonly GrowthRow[]): StreamWindow {
  const slices = rows.filter((row) => row.dimension !== '' && row.counts.active_users > 0)
  const foldedDimensions = DIMENSIONS.filter((dimension) => slices.filter((row) => row.dimension === dimension).length >= SLICES_MAX)
  const whole = rows.find((row) => row.dimension === '')
  const kept = slices.filter((row) => row.dimension !== '' && !foldedDimensions.includes(row.dimension))
  return {
    window,
    endMs,
    foldedDimensions,
    numbers:
      whole === undefined
        ? UNPUBLISHED
        : withServed(
            whole.counts,
            whole.k ?? NO_K,
            kept.map((row) => ({ dimension: row.dimension as Dimension, value: row.value, counts: row.counts })),
          ),
  }
}

function withServed(counts: GrowthRow['counts'], k: KStatistics, slices: readonly SliceNumbers[]): StreamNumbers {
  return { whole: { counts, k }, slices, served: deriveGrowthMetrics(counts, k) }
}

/** What the API computes at an end that is not published. Rejects with `WarehouseUnavailableError`. */
export async function readComputedNumbers(engine: Engine, workspace: string, window: WindowSpec): Promise<StreamNumbers> {
  const counts = await readGrowthCounts(engine.reader, workspace, window)
  const k = await readKStatistics(engine.reader, workspace, window.endMs, window.lengthMs)
  const slices: SliceNumbers[] = []
  for (const dimension of DIMENSIONS) slices.push(...(await readComputedSlices(engine, workspace, window, dimension)))
  return withServed(counts, k, slices)
}

/** The slices of one dimension as the API computes them, the rest of many under `(other)`. */
export async function readComputedSlices(
  engine: Engine,
  workspace: string,
  window: WindowSpec,
  dimension: Dimension,
): Promise<SliceNumbers[]> {
  const { slices } = await readGrowthBreakdown(engine.reader, workspace, window, dimension)
  return slices.map(({ value, isOther, counts }) => ({ dimension, value: isOther ? OTHER : value, counts }))
}

/** A window that was never published: the stream says that nothing happened in it. */
export const UNPUBLISHED: StreamNumbers = { whole: { counts: NO_COUNTS, k: NO_K }, slices: [] }
