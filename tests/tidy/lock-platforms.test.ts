import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PlantedTree, plantTree } from '../support/planted-tree.ts'

const TOOL = 'scripts/lock-platforms.mjs'

/** A lock as npm leaves it on a machine that could load one of four prebuilt packages, and one of them nested. */
const LOCK = {
  lockfileVersion: 3,
  packages: {
    '': { name: 'planted', dependencies: { engine: '1.2.3' } },
    'node_modules/engine': {
      version: '1.2.3',
      dev: true,
      optionalDependencies: {
        '@engine/linux-x64-gnu': '1.2.3',
        '@engine/linux-arm64-musl': '1.2.3',
        '@engine/darwin-arm64': '1.2.3',
        '@engine/win32-x64-msvc': '^1.2.0',
      },
    },
    'node_modules/@engine/linux-x64-gnu': { version: '1.2.3', dev: true, optional: true, cpu: ['x64'], os: ['linux'] },
    'node_modules/engine/node_modules/@engine/win32-x64-msvc': { version: '1.2.3', optional: true, cpu: ['x64'], os: ['win32'] },
  },
}

describe('the lock', () => {
  let tree: PlantedTree

  beforeAll(() => {
    tree = plantTree({ 'package-lock.json': JSON.stringify(LOCK) })
  })
  afterAll(() => tree.remove())

  it('is refused while a platform is missing, and names it', () => {
    const { status, output } = tree.run(TOOL, '--check', '--root', tree.folder)
    expect(status).toBe(1)
    expect(output).toContain('missing: node_modules/@engine/linux-arm64-musl 1.2.3')
    expect(output).toContain('missing: node_modules/@engine/darwin-arm64 1.2.3')
    expect(output).not.toContain('linux-x64-gnu')
    expect(output).not.toContain('win32')
  })

  it('is completed with the fields by which npm skips a platform', () => {
    expect(tree.run(TOOL, '--root', tree.folder).status).toBe(0)
    const { packages } = JSON.parse(readFileSync(join(tree.folder, 'package-lock.json'), 'utf8')) as { packages: Record<string, unknown> }
    expect(packages['node_modules/@engine/linux-arm64-musl']).toEqual({
      version: '1.2.3',
      dev: true,
      optional: true,
      cpu: ['arm64'],
      libc: ['musl'],
      os: ['linux'],
    })
    expect(tree.run(TOOL, '--check', '--root', tree.folder).status).toBe(0)
  })
})
