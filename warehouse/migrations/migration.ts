/** One step of the schema. Steps are never changed once released: what a newer version needs is a newer step. */
export interface Migration {
  /** Counts from 1 without gaps. */
  readonly version: number
  readonly name: string
  /** Statements that may run again without harm (`IF NOT EXISTS`): a crash may come between them and the record. */
  readonly statements: readonly string[]
}
