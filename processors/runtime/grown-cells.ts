/** Columns of numbers that grow with what they are indexed by: no object an entry, nothing for the garbage collector to visit. */
type Cells = Float64Array | Int32Array | Uint8Array

/** The cells, or a longer copy of them, so that `index` has a cell; new cells hold `fill`. */
export function grownTo<Column extends Cells>(cells: Column, index: number, fill = 0): Column {
  if (index < cells.length) return cells
  const Column = cells.constructor as new (length: number) => Column
  const longer = new Column(Math.max(index + 1, cells.length * 2))
  longer.set(cells)
  if (fill !== 0) longer.fill(fill, cells.length)
  return longer
}
