import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wholeLines } from '../../cli/whole-lines.ts'

async function* cut(text: string, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  let at = 0
  for (let index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1
    yield bytes.subarray(at, at + size)
    at += size
  }
}

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all).toString('utf8')
}

const lines = fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll('\n', ' ')))
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 })

describe('whole lines', () => {
  it('are the same bytes however they are cut, and end with a newline', async () => {
    await fc.assert(
      fc.asyncProperty(lines, sizes, async (texts, pieces) => {
        const text = texts.join('\n')
        const expected = text === '' || text.endsWith('\n') ? text : `${text}\n`
        expect(await textOf(wholeLines(cut(text, pieces)))).toBe(expected)
      }),
    )
  })

  it('end before the line under way when they are stopped', async () => {
    await fc.assert(
      fc.asyncProperty(lines, sizes, fc.nat(20), async (texts, pieces, stopAfter) => {
        const text = texts.join('\n')
        const stop = new AbortController()
        async function* stopped() {
          let chunks = 0
          for await (const chunk of cut(text, pieces)) {
            if (chunks === stopAfter) stop.abort()
            chunks += 1
            yield chunk
          }
        }
        const taken = await textOf(wholeLines(stopped(), { signal: stop.signal }))
        expect(taken === '' || taken.endsWith('\n')).toBe(true)
        expect(`${text}\n`.startsWith(taken)).toBe(true)
      }),
    )
  })

  it('end before the line under way when the source breaks off', async () => {
    async function* broken() {
      yield Buffer.from('{"a":1}\n{"b"')
      throw new Error('aborted')
    }
    const reasons: unknown[] = []
    expect(await textOf(wholeLines(broken(), { onBreak: (error) => reasons.push(error) }))).toBe('{"a":1}\n')
    expect(reasons).toHaveLength(1)
    await expect(textOf(wholeLines(broken()))).rejects.toThrow('aborted')
  })
})
