import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PlantedTree, plantTree } from '../support/planted-tree.ts'

const KNIP = 'node_modules/knip/bin/knip.js'

describe('dead code', () => {
  let tree: PlantedTree
  let found: string[]

  beforeAll(() => {
    tree = plantTree({
      'cli/kappa.ts': "import { used } from '../metrics/ratio.ts'\nimport { absent } from 'left-pad'\nused(absent)\n",
      'metrics/ratio.ts':
        'export const used = (value: unknown) => value\nexport const unusedExport = 1\nexport interface UnusedType {\n  readonly a: number\n}\n',
      'metrics/unused-file.ts': 'export const a = 1\n',
    })
    const { status, output } = tree.run(KNIP, '--no-progress', '--reporter=compact')
    expect(status).toBe(1)
    found = output.split('\n')
  })
  afterAll(() => tree.remove())

  it.each([
    ['a file that nothing imports', 'metrics/unused-file.ts'],
    ['an export that nothing imports', 'unusedExport'],
    ['a type that nothing imports', 'UnusedType'],
    ['a package that package.json does not name', 'left-pad'],
    ['a dependency that nothing imports', 'fastify'],
  ])('reports %s', (_, name) => {
    expect(found.filter((line) => line.includes(name))).not.toHaveLength(0)
  })

  it('does not report what is used', () => {
    expect(found.filter((line) => /\bused\b(?! )/.test(line) && !/unused/i.test(line))).toEqual([])
    expect(found.filter((line) => line.includes('cli/kappa.ts') && !line.includes('left-pad'))).toEqual([])
  })
})
