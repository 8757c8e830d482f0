/** A case of the bench. */
import type { BenchContext } from './bench-context.ts'
import type { Figure } from './bench-figures.ts'

export interface BenchCase {
  /** What `--only` names. */
  readonly name: string
  /** What is measured, in a sentence. */
  readonly measures: string
  /** Rejects when there is nothing to be measured, with the reason. */
  run(context: BenchContext): Promise<Figure[]>
}
