/** Nesting of JSON text, measured by a linear scan, so that hostile depth is refused before anything recursive sees it. */

const QUOTE = 34
const BACKSLASH = 92
const OPEN_BRACKET = 91
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

/** Counts of one character in text up to `most`; `indexOf` runs at memory speed. */
function occurrences(text: string, character: string, most: number): number {
  let count = 0
  for (let at = text.indexOf(character); at >= 0 && count < most; at = text.indexOf(character, at + 1)) count += 1
  return count
}

/** Whether brackets and braces outside of strings nest deeper than `levels`. Text that is no JSON gets some answer. */
export function nestsDeeperThan(text: string, levels: number): boolean {
  const braces = occurrences(text, '{', levels + 1)
  if (braces + occurrences(text, '[', levels + 1 - Math.min(braces, levels)) <= levels) return false
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === BACKSLASH) i += 1
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) inString = true
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1
      if (depth > levels) return true
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1
  }
  return false
}
