/**
 * Which window ends of a workspace are written: the running one of each live window at every commit, each end once
 * the watermark has passed it, and again when something late changed it. An end in which nobody was active is not
 * written: absent means empty.
 */
import { isDeepStrictEqual } from 'node:util'
import { changedMetrics } from '../../metrics/changed-metrics.ts'
import type { GrowthCounts, GrowthRow, KStatistics, RestatementRow } from '../../schemas/records.ts'
import { ALLOWED_LATENESS_MS, DAY_MS } from '../../schemas/windows.ts'
import { PANE_WINDOWS, paneOfMs, type PaneWindow } from './measures.ts'
import type { ScopeGrids } from './scope-grids.ts'
import type { WindowTotals } from './window-totals.ts'

/** Live breakdowns keep this many values of a dimension, the largest by active users. */
export const SLICES_PUBLISHED_MAX = 200

/** What stands published of a final end of the whole workspace, for the "before" of a restatement. */
interface Published {
  readonly counts: GrowthCounts
  readonly k: KStatistics
}

export interface PublisherSnapshot {
  readonly closedEnds: readonly number[]
  readonly published: readonly (readonly (readonly [number, Published])[])[]
  readonly liveEnds: readonly number[]
  readonly runningSlices: readonly (readonly (readonly [number, readonly SliceName[]])[])[]
}

type SliceName = Pick<ScopeGrids, 'dimension' | 'value'>

/** The instant of the workspace as the log tells it, and what this commit is. */
export interface PublishAt {
  readonly workspace: string
  readonly watermarkMs: number
  /** Newest min(occurred_at, received_at): the running pane holds it. */
  readonly headMs: number
  /** Ends after this wait (an import is under way); at most the watermark. */
  readonly closeUpToMs: number
  readonly version: number
  /** What restates, where something does: `late_event` or `import:ID`. */
  readonly cause: string
  /** Newest receipt of an event: when it restates. */
  readonly restatedMs: number
}

export interface Publication {
  /** The running window of each length, whole workspace and slices. */
  readonly live: readonly GrowthRow[]
  /** Ends that became final, and final ends that changed. */
  readonly closed: readonly GrowthRow[]
  readonly restatements: readonly RestatementRow[]
  /** Ends that may be closed were left for the next time, so that one time stays short. */
  readonly hasMore: boolean
}

/** No further end is closed in a publication that has so many rows; about a third of a second of work. */
export const CLOSED_ROWS_MAX = 50_000

export class Publisher {
  readonly #totals: WindowTotals
  readonly #closedRowsMax: number
  /** Last end of each live window that was closed; -infinity before the first. */
  #closedEnds = PANE_WINDOWS.map(() => Number.NEGATIVE_INFINITY)
  #liveEnds = PANE_WINDOWS.map(() => Number.NEGATIVE_INFINITY)
  #published = PANE_WINDOWS.map(() => new Map<number, Published>())
  /** Slices written for ends that are still to be closed: should one empty until then, that is written too. */
  #runningSlices = PANE_WINDOWS.map(() => new Map<number, Set<ScopeGrids>>())
  #forgottenBeforeMs = Number.NEGATIVE_INFINITY

  constructor(totals: WindowTotals, closedRowsMax: number, from?: PublisherSnapshot) {
    this.#totals = totals
    this.#closedRowsMax = closedRowsMax
    if (from === undefined) return
    this.#closedEnds = [...from.closedEnds]
    this.#liveEnds = [...from.liveEnds]
    this.#published = from.published.map((entries) => new Map(entries))
    this.#runningSlices = from.runningSlices.map(
      (ends) => new Map(ends.map(([end, slices]) => [end, new Set(slices.map(({ dimension, value }) => totals.scope(dimension, value)))])),
    )
  }

  /** Takes what is to be written now. Once nothing more is left, calling again without new events writes the running windows only. */
  publish(at: PublishAt): Publication {
    const closed: GrowthRow[] = []
    const live: GrowthRow[] = []
    const restatements: RestatementRow[] = []
    // While an import is under way, what it changes among ends long closed waits for its end, or until the ends are
    // about to be forgotten: then nothing can change them any more.
    const settled = at.closeUpToMs === at.watermarkMs
    const forgetBeforeMs = this.#forgetBeforeMs(at)
    for (const window of PANE_WINDOWS) {
      const restateBefore = settled ? Number.POSITIVE_INFINITY : forgetBeforeMs / window.paneMs
      this.#restate(window, at, restateBefore, closed, restatements)
    }
    let hasMore = false
    for (const window of PANE_WINDOWS) {
      if (!this.#close(window, at, closed)) hasMore = true
      this.#run(window, at, live)
    }
    if (settled) this.#totals.clearDirty(Number.POSITIVE_INFINITY)
    else this.#totals.clearDirty(forgetBeforeMs)
    if (Number.isFinite(forgetBeforeMs)) {
      this.#forgetBefore(forgetBeforeMs)
      this.#forgottenBeforeMs = forgetBeforeMs
    }
    return { live, closed, restatements, hasMore }
  }

  /** The running windows as they stand now, whole workspace and slices; changes nothing. */
  running(at: PublishAt): GrowthRow[] {
    return PANE_WINDOWS.flatMap((window) => {
      const end = this.#runningEnd(window, at)
      return [this.#wholeRow(window, end, at), ...this.#largestSlices(window, end).map((slice) => this.#sliceRow(slice, window, end, at))]
    })
  }

  snapshot(): PublisherSnapshot {
    return {
      closedEnds: this.#closedEnds,
      liveEnds: this.#liveEnds,
      published: this.#published.map((ends) => [...ends]),
      runningSlices: this.#runningSlices.map((ends) =>
        [...ends].map(([end, slices]) => [end, [...slices].map(({ dimension, value }) => ({ dimension, value }))]),
      ),
    }
  }

  /** Writes closed ends before `beforeEnd` again that changed since, with a record of what changed in the whole workspace. */
  #restate(window: PaneWindow, at: PublishAt, beforeEnd: number, rows: GrowthRow[], restatements: RestatementRow[]): void {
    const { whole } = this.#totals
    const closedEnd = Math.min(this.#closedEnds[window.index] as number, beforeEnd - 1)
    // Not from the lateness behind this watermark: the events were in time when they came, and it may have moved since.
    const firstKept = whole.counts(window.index).firstKeptEnd
    const dirty = whole.dirtyEnds(window.index)
    const kDirtyFrom = this.#totals.kDirtyFrom(window)
    const from = Math.max(firstKept, Math.min(dirty.from, kDirtyFrom))
    const to = Math.min(closedEnd, kDirtyFrom <= closedEnd ? closedEnd : dirty.to - 1)
    const published = this.#published[window.index] as Map<number, Published>
    for (let end = from; end <= to; end += 1) {
      const before = published.get(end)
      if (before === undefined && whole.activeUsers(window.index, end) === 0) continue
      const row = this.#wholeRow(window, end, at)
      if (before && isDeepStrictEqual(before, { counts: row.counts, k: row.k })) continue
      rows.push(row)
      published.set(end, { counts: row.counts, k: row.k as KStatistics })
      for (const change of changedMetrics(before, row)) {
        restatements.push({
          workspace: at.workspace,
          window: window.name,
          end_ms: row.end_ms,
          ...change,
          cause: at.cause,
          restated_ms: at.restatedMs,
          version: at.version,
        })
      }
    }
    for (const slice of this.#totals.slices()) {
      const changed = slice.dirtyEnds(window.index)
      for (let end = Math.max(firstKept, changed.from); end < changed.to && end <= closedEnd; end += 1) {
        rows.push(this.#sliceRow(slice, window, end, at))
      }
    }
  }

  /** Closes ends in order; returns whether it came to the last that may be closed. */
  #close(window: PaneWindow, at: PublishAt, rows: GrowthRow[]): boolean {
    const { whole } = this.#totals
    const grid = whole.counts(window.index)
    const last = Math.floor(at.closeUpToMs / window.paneMs)
    const published = this.#published[window.index] as Map<number, Published>
    const written = this.#runningSlices[window.index] as Map<number, Set<ScopeGrids>>
    let end = this.#closedEnds[window.index] as number
    end = Number.isFinite(end) ? end + 1 : grid.nextPageStart(end)
    let reached = last
    while (end <= last) {
      if (whole.activeUsers(window.index, end) === 0) {
        end = grid.nextPageStart(end + 1)
        continue
      }
      if (rows.length >= this.#closedRowsMax) {
        reached = end - 1
        break
      }
      const row = this.#wholeRow(window, end, at)
      published.set(end, { counts: row.counts, k: row.k as KStatistics })
      rows.push(row)
      const slices = new Set(this.#largestSlices(window, end))
      for (const slice of written.get(end) ?? []) slices.add(slice)
      for (const slice of slices) rows.push(this.#sliceRow(slice, window, end, at))
      end += 1
    }
    for (const running of written.keys()) if (running <= reached) written.delete(running)
    if (reached > (this.#closedEnds[window.index] as number)) this.#closedEnds[window.index] = reached
    return reached === last
  }

  #run(window: PaneWindow, at: PublishAt, rows: GrowthRow[]): void {
    const end = this.#runningEnd(window, at)
    const moved = end !== this.#liveEnds[window.index]
    this.#liveEnds[window.index] = end
    rows.push(this.#wholeRow(window, end, at))
    const written = this.#runningSlices[window.index] as Map<number, Set<ScopeGrids>>
    const slices = written.get(end) ?? new Set()
    written.set(end, slices)
    for (const slice of this.#largestSlices(window, end)) slices.add(slice)
    for (const slice of slices) {
      const { from, to } = slice.dirtyEnds(window.index)
      if (moved || (from <= end && end < to)) rows.push(this.#sliceRow(slice, window, end, at))
    }
  }

  /** The end of the pane that holds the newest event. */
  #runningEnd(window: PaneWindow, at: PublishAt): number {
    return Math.max(paneOfMs(at.headMs, window.paneMs), (this.#closedEnds[window.index] as number) + 1)
  }

  #wholeRow(window: PaneWindow, end: number, at: PublishAt): GrowthRow {
    return { ...this.#sliceRow(this.#totals.whole, window, end, at), k: this.#totals.kAt(window, end) }
  }

  #sliceRow(scope: ScopeGrids, window: PaneWindow, end: number, at: PublishAt): GrowthRow {
    return {
      workspace: at.workspace,
      window: window.name,
      dimension: scope.dimension,
      value: scope.value,
      end_ms: end * window.paneMs,
      final: end * window.paneMs <= at.watermarkMs,
      version: at.version,
      watermark_ms: at.watermarkMs,
      counts: scope.countsAt(window.index, end),
      k: null,
    }
  }

  /** Slices in which anybody was active; of each dimension the largest, when there are many. */
  #largestSlices(window: PaneWindow, end: number): ScopeGrids[] {
    const byDimension = new Map<string, { scope: ScopeGrids; active: number }[]>()
    for (const scope of this.#totals.slices()) {
      const active = scope.activeUsers(window.index, end)
      if (active === 0) continue
      const of = byDimension.get(scope.dimension)
      if (of) of.push({ scope, active })
      else byDimension.set(scope.dimension, [{ scope, active }])
    }
    return [...byDimension.values()].flatMap((slices) => {
      if (slices.length > SLICES_PUBLISHED_MAX) slices.sort((a, b) => b.active - a.active || (a.scope.value < b.scope.value ? -1 : 1))
      return slices.slice(0, SLICES_PUBLISHED_MAX).map(({ scope }) => scope)
    })
  }

  /** Start of the day that is now behind the lateness of all that is closed; minus infinity when that was forgotten before. */
  #forgetBeforeMs({ watermarkMs, closeUpToMs }: PublishAt): number {
    let closedMs = watermarkMs
    for (const { index, paneMs } of PANE_WINDOWS) {
      const closedEnd = this.#closedEnds[index] as number
      // What is to be closed must not be forgotten before.
      if (closedEnd < Math.floor(Math.min(closeUpToMs, watermarkMs - ALLOWED_LATENESS_MS) / paneMs))
        closedMs = Math.min(closedMs, closedEnd * paneMs + ALLOWED_LATENESS_MS)
    }
    const beforeMs = Math.floor((closedMs - ALLOWED_LATENESS_MS) / DAY_MS) * DAY_MS
    return beforeMs > this.#forgottenBeforeMs ? beforeMs : Number.NEGATIVE_INFINITY
  }

  /** Forgets ends before `atMs`, the start of a day behind the allowed lateness. */
  #forgetBefore(atMs: number): void {
    this.#totals.dropBefore(atMs)
    for (const window of PANE_WINDOWS) {
      const published = this.#published[window.index] as Map<number, Published>
      for (const end of published.keys()) if (end * window.paneMs < atMs) published.delete(end)
    }
  }
}
