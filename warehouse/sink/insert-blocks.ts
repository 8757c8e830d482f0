/** Rows of one insert. Fixed, so that a commit tried again makes the same blocks under the same tokens. */
const BLOCK_ROWS_MAX = 200_000

/** Calls back with each block of the rows and its number, one after the other. */
export async function inBlocks<Row>(rows: readonly Row[], insert: (block: readonly Row[], number: number) => Promise<void>): Promise<void> {
  for (let start = 0, number = 0; start < rows.length; start += BLOCK_ROWS_MAX, number += 1) {
    await insert(rows.length <= BLOCK_ROWS_MAX ? rows : rows.slice(start, start + BLOCK_ROWS_MAX), number)
  }
}
