/** Which published window ends are recomputed when not all are. */

/**
 * At most `count` of the ends, the same ones every time: the first, the last, evenly spread ones between, and besides
 * these every restated one. Ascending, without repetition.
 */
export function sampleEnds(publishedEndsMs: readonly number[], count: number, restatedEndsMs: readonly number[] = []): number[] {
  const ends = [...new Set(publishedEndsMs)].sort((left, right) => left - right)
  const published = new Set(ends)
  const chosen = new Set(restatedEndsMs.filter((end) => published.has(end)))
  const steps = Math.min(count, ends.length)
  for (let step = 0; step < steps; step++) {
    const index = steps === 1 ? ends.length - 1 : Math.round((step * (ends.length - 1)) / (steps - 1))
    chosen.add(ends[index] as number)
  }
  return [...chosen].sort((left, right) => left - right)
}
