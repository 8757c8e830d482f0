/** Bytes of NDJSON cut so that they may end anywhere without half a line. */

/** A line longer than this is passed on in pieces: no event is so long, and memory stays bounded. */
const HELD_BYTES_MAX = 1024 * 1024
const NEWLINE = 10

/**
 * Passes on whole lines; the last one gets its newline. Once `signal` is aborted, or when the source breaks off and
 * `onBreak` is given, it ends without the line that was under way. Without `onBreak` an error of the source is thrown on.
 */
export async function* wholeLines(
  source: AsyncIterable<Uint8Array>,
  options: { readonly signal?: AbortSignal; readonly onBreak?: (error: unknown) => void } = {},
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = []
  let heldBytes = 0
  try {
    for await (const chunk of source) {
      if (options.signal?.aborted) return
      const end = chunk.lastIndexOf(NEWLINE) + 1
      if (end > 0 || heldBytes > HELD_BYTES_MAX) {
        yield* held
        held = []
        heldBytes = 0
        if (end > 0) yield chunk.subarray(0, end)
      }
      if (end < chunk.byteLength) {
        held.push(chunk.subarray(end))
        heldBytes += chunk.byteLength - end
      }
    }
  } catch (error) {
    if (options.onBreak === undefined) throw error
    options.onBreak(error)
    return
  }
  if (heldBytes === 0 || options.signal?.aborted) return
  yield* held
  yield Buffer.from('\n')
}
