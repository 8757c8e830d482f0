/**
 * Commits of tasks as records of a log, one partition for each task; JSON in UTF-8. Who takes a task up claims it first,
 * and from then on what others write there is void: the order of the log says who owned the task when, to every reader
 * alike.
 */
import { z } from 'zod'

const sequence = z.int().min(1)
const positions = z.array(z.int().min(0)).min(1)

const commitRecord = z.union([
  z.object({ v: z.literal(1), claim: z.string().min(1) }),
  z.object({
    v: z.literal(1),
    owner: z.string(),
    intend: sequence,
    positions,
    skipped: z.array(z.object({ partition: z.int(), offset: z.int(), reason: z.string() })).optional(),
  }),
  z.object({
    v: z.literal(1),
    owner: z.string(),
    done: sequence,
    positions,
    note: z.object({ settlings: z.int(), hasUnsettled: z.boolean(), rebuilds: z.int() }),
  }),
])
export type CommitRecord = z.infer<typeof commitRecord>

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function encodeCommitRecord(record: CommitRecord): Uint8Array {
  return encoder.encode(JSON.stringify(record))
}

/** Throws for a record that this build does not know: commits must not be passed over. */
export function decodeCommitRecord(value: Uint8Array): CommitRecord {
  return commitRecord.parse(JSON.parse(decoder.decode(value)))
}

/** Reads records of one task in order, and tells which of them count. */
export class ClaimReader {
  #owner: string | undefined

  /** `owner`: who is believed to own the task where reading begins; without it nobody. */
  constructor(owner?: string) {
    this.#owner = owner
  }

  get owner(): string | undefined {
    return this.#owner
  }

  /** The record when it counts: a claim, or what the owner of the time wrote. */
  read(record: CommitRecord): CommitRecord | undefined {
    if ('claim' in record) {
      this.#owner = record.claim
      return record
    }
    return record.owner === this.#owner ? record : undefined
  }
}
