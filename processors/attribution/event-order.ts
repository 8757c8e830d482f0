/**
 * Order of events: by instant, ties by event id bytewise in UTF-8 (METRICS "Time"). UTF-8 sorts by code point; UTF-16,
 * JavaScript's order, differs only where a surrogate meets a unit above it.
 */
export interface Ordered {
  readonly atMs: number
  readonly eventId: string
}

/** Negative when `a` comes first. */
export function compareEvents(a: Ordered, b: Ordered): number {
  return a.atMs - b.atMs || compareUtf8(a.eventId, b.eventId)
}

/** Compares two strings as their UTF-8 bytes would. */
export function compareUtf8(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  for (let index = 0; index < shorter; index += 1) {
    const unitA = a.charCodeAt(index)
    const unitB = b.charCodeAt(index)
    if (unitA !== unitB) return rank(unitA) - rank(unitB)
  }
  return a.length - b.length
}

/** Surrogates stand for code points above U+FFFF: they come after U+E000 to U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000
}
