/** A process of the bench: takes one job over its channel, answers with the report, ends. */
import process from 'node:process'
import { PARTS, type PartAnswer, type PartRequest } from './bench-parts.ts'

async function answerTo({ part, job }: PartRequest): Promise<PartAnswer> {
  try {
    return { report: await (PARTS[part] as (job: unknown) => Promise<unknown>)(job) }
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) }
  }
}

// Without its parent nobody waits for the report.
process.once('disconnect', () => process.exit(1))
process.once('message', (request: PartRequest) => {
  void answerTo(request).then((answer) => process.send?.(answer, undefined, undefined, () => process.exit(0)))
})
