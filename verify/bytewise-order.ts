/**
 * Order of two strings by their UTF-8 bytes (METRICS "Time": ties of one instant go by `event_id`, bytewise).
 * JavaScript's `<` compares UTF-16 units, which puts surrogate pairs (U+10000 and up) before U+E000 to U+FFFF;
 * UTF-8 puts them after. Returns a negative number, 0 or a positive number.
 */
export function compareBytewise(left: string, right: string): number {
  const shared = Math.min(left.length, right.length)
  for (let index = 0; index < shared; index++) {
    const difference = rank(left.charCodeAt(index)) - rank(right.charCodeAt(index))
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

/** Moves surrogates (0xD800 to 0xDFFF) above every other unit, as their code points are. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
