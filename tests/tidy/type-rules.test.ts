import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PlantedTree, plantTree } from '../support/planted-tree.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const TSC = 'node_modules/typescript-native/bin/tsc'

/** Each strictness option of tsconfig.json, code that breaks it, and the compiler's code for that. */
const PLANTED: Readonly<Record<string, readonly [code: string, text: string]>> = {
  strict: ['TS7006', 'export const a = (b) => 1\n'],
  noUncheckedIndexedAccess: ['TS2322', 'export const a = (b: number[]): number => b[0]\n'],
  exactOptionalPropertyTypes: ['TS2375', 'export const a: { b?: number } = { b: undefined }\n'],
  noImplicitOverride: ['TS4114', 'class A {\n  b() {}\n}\nexport class C extends A {\n  b() {}\n}\n'],
  noFallthroughCasesInSwitch: [
    'TS7029',
    'export function a(b: number) {\n  let c = 0\n  switch (b) {\n    case 1:\n      c += 1\n    case 2:\n      c += 2\n  }\n  return c\n}\n',
  ],
  noImplicitReturns: ['TS7030', 'export function a(b: number) {\n  if (b > 1) return 1\n}\n'],
  noUnusedLocals: ['TS6133', 'const a = 1\nexport {}\n'],
  noUnusedParameters: ['TS6133', 'export const a = (b: number) => 1\n'],
  useUnknownInCatchVariables: [
    'TS18046',
    'export function a() {\n  try {\n    return 1\n  } catch (error) {\n    return error.message\n  }\n}\n',
  ],
  verbatimModuleSyntax: ['TS1484', "import { Kept } from './kept.ts'\nexport const a = (b: Kept) => b\n"],
  erasableSyntaxOnly: ['TS1294', 'export enum A {\n  B,\n}\n'],
  isolatedModules: ['TS1205', "export { Kept } from './kept.ts'\n"],
}

/** Options that say how modules are found and emitted, not what is refused. */
const NO_RULES = new Set([
  'target',
  'lib',
  'module',
  'moduleResolution',
  'rewriteRelativeImportExtensions',
  'allowImportingTsExtensions',
  'skipLibCheck',
  'types',
  'rootDir',
  'outDir',
  'sourceMap',
])

const fileOf = (option: string) => `ingest/breaks-${option.toLowerCase()}.ts`

describe('the compiler', () => {
  let tree: PlantedTree

  beforeAll(() => {
    tree = plantTree({
      ...Object.fromEntries(Object.entries(PLANTED).map(([option, [, text]]) => [fileOf(option), text])),
      'ingest/kept.ts': 'export interface Kept {\n  readonly a: number\n}\n',
      'ingest/browser/kappa.ts': "import { readFileSync } from 'node:fs'\ndocument.title = readFileSync('a', 'utf8')\n",
      'dashboard/main.tsx': 'export const page = <p>{process.pid}</p>\n',
    })
  })
  afterAll(() => tree.remove())

  it('refuses what each option forbids', () => {
    const { status, output } = tree.run(TSC, '--noEmit', '-p', 'tsconfig.json')
    expect(status).not.toBe(0)
    const missed = Object.entries(PLANTED).filter(([option, [code]]) => {
      return !output.split('\n').some((line) => line.startsWith(`${fileOf(option)}(`) && line.includes(`error ${code}:`))
    })
    expect(missed, output).toEqual([])
  })

  it.each(['dashboard/tsconfig.json', 'ingest/browser/tsconfig.json'])('knows no Node in %s', (project) => {
    const { status, output } = tree.run(TSC, '--noEmit', '-p', project)
    expect(status).not.toBe(0)
    expect(output).toMatch(/^(dashboard\/main\.tsx|ingest\/browser\/kappa\.ts)\(.*error TS25(80|91):/m)
  })

  it('has planted code for each option of the configuration', () => {
    const { compilerOptions } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.json'), 'utf8')) as {
      compilerOptions: Record<string, unknown>
    }
    expect(Object.keys(compilerOptions).filter((option) => !NO_RULES.has(option) && PLANTED[option] === undefined)).toEqual([])
  })
})
