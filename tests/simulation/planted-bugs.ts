/** Bugs that the simulation is to find: each is what a careless change of production code would do, put in from outside. */
import { type CommitStore, FencedError } from '../../processors/runtime/commit-store.ts'
import type { CompanionLog } from '../../ingest/log/companions.ts'
import type { Sink } from '../../schemas/ports/commit-sink.ts'
import type { Log } from '../../schemas/ports/log.ts'

export const BUGS = [
  'acknowledges before the log is synced',
  'marks a commit before its rows are in',
  'forgets the event ids at a restart',
  'does not send open commits again',
  'ignores the fence',
  'the broker loses what it acknowledged when it restarts',
  'takes a lost message for sent',
  'drops a row in forty',
] as const
export type Bug = (typeof BUGS)[number]

/** Hands rows over and does not wait for them. */
export function impatientSink(sink: Sink): Sink {
  return {
    ...sink,
    async write(batch) {
      sink.write(batch).catch(() => {})
    },
  }
}

/** Drops raw rows by their place. */
export function leakySink(sink: Sink): Sink {
  return {
    ...sink,
    write: (batch) => sink.write({ ...batch, events: batch.events.filter(({ offset }) => offset % 40 !== 39) }),
  }
}

/** A log whose companions are not found again. */
export function forgetfulLog(log: CompanionLog): CompanionLog {
  return { ...log, companions: () => [] }
}

/** Believes that every commit that it finds was carried out. */
export function hopefulCommits(commits: CommitStore): CommitStore {
  return withCommits(commits, { after: (sequence) => commits.after(sequence).map((entry) => ({ ...entry, done: true })) })
}

/** Goes on when another instance has taken over. */
export function unfencedCommits(commits: CommitStore): CommitStore {
  const unlessFenced = async (act: Promise<void>): Promise<void> => {
    try {
      await act
    } catch (error) {
      if (!(error instanceof FencedError)) throw error
    }
  }
  return withCommits(commits, {
    intend: (sequence, positions) => unlessFenced(commits.intend(sequence, positions)),
    done: (sequence, note) => unlessFenced(commits.done(sequence, note)),
  })
}

/** Takes every append for well. */
export function carelessTopic(log: Log): Log {
  return { ...log, append: (messages) => log.append(messages).catch(() => messages.map(() => 0)) }
}

function withCommits(commits: CommitStore, changed: Partial<CommitStore>): CommitStore {
  return {
    after: (sequence) => commits.after(sequence),
    intend: (sequence, positions) => commits.intend(sequence, positions),
    done: (sequence, note) => commits.done(sequence, note),
    dropThrough: (sequence) => commits.dropThrough(sequence),
    close: () => commits.close(),
    ...changed,
  }
}
