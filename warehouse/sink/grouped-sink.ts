/**
 * One sink for the tasks of an instance: commits that come while one is being written are written together, so that the
 * warehouse gets few large inserts however many partitions there are. What failed is tried again as it was put together,
 * so that a block whose answer was lost comes under the same token.
 */
import type { Sink } from '../../schemas/ports/commit-sink.ts'
import type { CommitBatch } from '../../schemas/records.ts'

interface Group {
  readonly batch: CommitBatch
  readonly members: ReadonlySet<string>
  readonly resolve: (() => void)[]
  readonly reject: ((error: unknown) => void)[]
}

interface Waiting {
  readonly batch: CommitBatch
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Raw rows of a group, about. */
const GROUP_ROWS_MAX = 100_000

/** Wraps a sink. A write resolves or rejects with the group that it was written in. */
export function createGroupedSink(sink: Sink): Sink {
  let waiting: Waiting[] = []
  let isDraining = false
  /** Groups that failed, whose members will come again. */
  const failed = new Map<string, CommitBatch>()

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const group = nextGroup()
      try {
        await sink.write(group.batch)
        failed.delete(group.batch.token)
        for (const resolve of group.resolve) resolve()
      } catch (error) {
        if (group.members.size > 1) failed.set(group.batch.token, group.batch)
        for (const reject of group.reject) reject(error)
      }
    }
    isDraining = false
  }

  function nextGroup(): Group {
    const [first] = waiting as [Waiting]
    const again = [...failed.values()].find(({ token }) => tokensOf(token).includes(first.batch.token))
    if (again !== undefined) return take(again, new Set(tokensOf(again.token)))
    const batches: CommitBatch[] = []
    let rows = 0
    for (const { batch } of waiting) {
      const isAlone = batch.staged !== undefined
      if (batches.length > 0 && (isAlone || rows + rowsOf(batch) > GROUP_ROWS_MAX)) break
      batches.push(batch)
      rows += rowsOf(batch)
      if (isAlone) break
    }
    return take(merged(batches), new Set(batches.map(({ token }) => token)))
  }

  function take(batch: CommitBatch, members: ReadonlySet<string>): Group {
    const taken = waiting.filter((one) => members.has(one.batch.token))
    waiting = waiting.filter((one) => !members.has(one.batch.token))
    return { batch, members, resolve: taken.map(({ resolve }) => resolve), reject: taken.map(({ reject }) => reject) }
  }

  return {
    write(batch) {
      return new Promise((resolve, reject) => {
        waiting.push({ batch, resolve, reject })
        if (isDraining) return
        isDraining = true
        queueMicrotask(() => void drain())
      })
    },
    history: (workspace, range, chunkSize) => sink.history(workspace, range, chunkSize),
  }
}

const BETWEEN = '+'

function tokensOf(token: string): string[] {
  return token.split(BETWEEN)
}

function rowsOf({ events, people, growth }: CommitBatch): number {
  return events.length + people.length + growth.length
}

/** The rows of several commits; the version counts only where a workspace was rebuilt, which stands alone. */
function merged(batches: readonly CommitBatch[]): CommitBatch {
  const [first] = batches as [CommitBatch]
  if (batches.length === 1) return first
  return {
    token: batches.map(({ token }) => token).join(BETWEEN),
    version: first.version,
    events: batches.flatMap(({ events }) => events),
    quarantined: batches.flatMap(({ quarantined }) => quarantined),
    settled: batches.flatMap(({ settled = [] }) => settled),
    people: batches.flatMap(({ people }) => people),
    growth: batches.flatMap(({ growth }) => growth),
    restatements: batches.flatMap(({ restatements }) => restatements),
  }
}
