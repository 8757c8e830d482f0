/**
 * Imports of this process of which rows may stand in the log and no end: the log refused, or the rows ceased to come. What
 * such an import touched waits for an end, so the next import of the workspace that comes to its own brings theirs too.
 */
export class BrokenOffImports {
  readonly #ids = new Map<string, Set<string>>()

  /** The import goes on no more, and its end is not in the log. */
  add(workspace: string, importId: string): void {
    const ids = this.#ids.get(workspace)
    if (ids === undefined) this.#ids.set(workspace, new Set([importId]))
    else ids.add(importId)
  }

  /** Those of the workspace, oldest first. */
  of(workspace: string): readonly string[] {
    return [...(this.#ids.get(workspace) ?? [])]
  }

  /** The ends of these stand in the log. */
  ended(workspace: string, importIds: readonly string[]): void {
    for (const importId of importIds) this.#ids.get(workspace)?.delete(importId)
  }
}
