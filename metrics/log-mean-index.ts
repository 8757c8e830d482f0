/**
 * Splits the change of a sum of products into the parts of its factors, without a rest: the additive logarithmic mean Divisia index
 * LMDI-I (Ang, "The LMDI approach to decomposition analysis: a practical guide", Energy Policy 33, 2005, table 1). A factor's
 * part is the sum over terms of L(after, before) x ln(factor after / factor before), L the logarithmic mean.
 */

/** One product of the sum, before and after; what it does not name does not change. */
export interface IndexTerm<Factor extends string> {
  readonly before: number
  readonly after: number
  /** Each factor before and after. Their product, up to a constant, is the term where both are above 0. */
  readonly factors: Readonly<Partial<Record<Factor, readonly [before: number, after: number]>>>
  /** The factor that takes the change where the others do not explain a term that appeared or vanished. */
  readonly otherwise: Factor
}

/** Logarithmic mean of two positive numbers: (a - b) / ln(a / b), a where they are equal. */
export function logMean(a: number, b: number): number {
  if (a === b) return a
  // log1p keeps the digits where a and b are close, and loses them where a is far smaller.
  return (a - b) / (Math.abs(a - b) < b / 2 ? Math.log1p((a - b) / b) : Math.log(a / b))
}

/**
 * Part of each factor in the change of one term; the parts add up to `after - before`.
 *
 * A term that is 0 on one side is the limit of a small one (Ang and Liu, "Handling zero values in the logarithmic mean Divisia
 * index decomposition approach", Energy Policy 35, 2007): the factors that are 0 there share the change evenly, the others
 * have no part. Terms and factors are at least 0.
 */
export function termParts<Factor extends string>(term: IndexTerm<Factor>): Map<Factor, number> {
  const { before, after } = term
  const factors = Object.entries(term.factors) as [Factor, readonly [number, number]][]
  const parts = new Map<Factor, number>()
  if (before === after && before === 0) return parts
  if (before > 0 && after > 0) {
    const mean = logMean(after, before)
    for (const [factor, [was, is]] of factors) parts.set(factor, mean * Math.log(is / was))
    return parts
  }
  const vanished = factors.filter(([, [was, is]]) => (was === 0) !== (is === 0)).map(([factor]) => factor)
  const taking = vanished.length > 0 ? vanished : [term.otherwise]
  for (const factor of taking) parts.set(factor, (after - before) / taking.length)
  return parts
}
