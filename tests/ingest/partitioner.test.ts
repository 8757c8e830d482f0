import { describe, expect, it } from 'vitest'
import { murmur2, partitionOf } from '../../schemas/partitioner.ts'

describe('partitioner', () => {
  // From UtilsTest.testMurmur2 of Apache Kafka.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('murmur2 of %s as in Kafka', (text, expected) => {
    expect(murmur2(new TextEncoder().encode(text))).toBe(expected)
  })

  it('is fixed: these partitions are part of the stored format', () => {
    expect(['ada', 'grace', 'Ωmega', '😀', 'x'.repeat(500)].map((actor) => partitionOf('default', actor, 12))).toMatchInlineSnapshot(`
      [
        2,
        6,
        7,
        5,
        6,
      ]
    `)
  })

  it('spreads actors and tells workspaces apart', () => {
    const counts = new Array<number>(8).fill(0)
    let differs = 0
    for (let i = 0; i < 8_000; i++) {
      const partition = partitionOf('w', `actor-${i}`, 8)
      counts[partition] = (counts[partition] ?? 0) + 1
      if (partition !== partitionOf('v', `actor-${i}`, 8)) differs += 1
    }
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150)
    expect(differs).toBeGreaterThan(6_000)
    expect(partitionOf('w', 'a', 1)).toBe(0)
  })
})
