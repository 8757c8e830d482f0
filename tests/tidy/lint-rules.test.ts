import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PlantedTree, plantTree } from '../support/planted-tree.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const BIOME = 'node_modules/@biomejs/biome/bin/biome'
const OXLINT = 'node_modules/oxlint/bin/oxlint'

/** Each rule that biome.json names (and some that it recommends), with code that breaks it. */
const BIOME_PLANTED: Readonly<Record<string, string>> = {
  'correctness/noUnusedImports': "import { join } from 'node:path'\nexport const a = 1\n",
  'correctness/noUnusedVariables': 'const unused = 1\nexport const a = 1\n',
  'correctness/noUnusedFunctionParameters': 'export const a = (unused: number) => 1\n',
  'correctness/noUndeclaredDependencies': "import { a } from 'left-pad'\nexport const b = a\n",
  'correctness/useImportExtensions': "import { kept } from './kept'\nexport const a = kept\n",
  'performance/noBarrelFile': "export { kept } from './kept.ts'\n",
  'performance/noReExportAll': "export * from './kept.ts'\n",
  'style/noNonNullAssertion': 'export const a = (text: string | null) => text!.length\n',
  'style/noEnum': 'export enum Colour {\n  Red,\n}\n',
  'style/noNamespace': 'export namespace Inner {\n  export const a = 1\n}\n',
  'style/noParameterProperties': 'export class A {\n  constructor(readonly b: number) {}\n}\n',
  'style/noParameterAssign': 'export function a(b: number) {\n  b = 2\n  return b\n}\n',
  'style/noUselessElse': 'export function a(b: number) {\n  if (b > 1) {\n    return 1\n  } else {\n    return 2\n  }\n}\n',
  'style/useConst': 'let a = 1\nexport const b = a\n',
  'style/useExportType': "import type { Kept } from './kept.ts'\nexport { Kept }\n",
  'style/useImportType': "import { Kept } from './kept.ts'\nexport const a = (b: Kept) => b\n",
  'style/useNodejsImportProtocol': "import { join } from 'path'\nexport const a = join\n",
  'style/useThrowOnlyError': "export function a() {\n  throw 'text'\n}\n",
  'style/useTemplate': "export const a = (b: string) => 'b: ' + b + '.'\n",
  'style/useSingleVarDeclarator': 'const a = 1,\n  b = 2\nexport const c = a + b\n',
  'suspicious/noConsole': "console.log('seen')\nexport const a = 1\n",
  'suspicious/noExplicitAny': 'export const a = (b: any) => b\n',
  'suspicious/noEvolvingTypes': 'let a\na = 1\nexport const b = a\n',
  'suspicious/noFocusedTests': "import { it } from 'vitest'\nit.only('alone', () => {})\n",
  'suspicious/noSkippedTests': "import { it } from 'vitest'\nit.skip('passed over', () => {})\n",
  'suspicious/noTsIgnore': '// @ts-ignore\nexport const a = 1\n',
  'suspicious/noVar': 'export function a() {\n  var b = 1\n  return b\n}\n',
  'suspicious/noDoubleEquals': 'export const a = (b: number) => b == 1\n',
  'suspicious/noDebugger': 'export function a() {\n  debugger\n}\n',
  format: 'export const a = "double quotes";\n',
}

const ASYNC = 'const later = () => Promise.resolve(1)\n'

/** Each rule that .oxlintrc.json names, with code that breaks it. */
const OXLINT_PLANTED: Readonly<Record<string, string>> = {
  'no-floating-promises': `${ASYNC}export function a() {\n  later()\n}\n`,
  'no-misused-promises': `${ASYNC}export function a() {\n  if (later()) return 1\n  return 2\n}\n`,
  'no-for-in-array': 'export function a(b: number[]) {\n  for (const c in b) return c\n  return ""\n}\n',
  'no-array-delete': 'export function a(b: number[]) {\n  delete b[0]\n}\n',
  'switch-exhaustiveness-check': "export function a(b: 'c' | 'd') {\n  switch (b) {\n    case 'c':\n      return 1\n  }\n  return 2\n}\n",
  'prefer-promise-reject-errors': "export const a = () => Promise.reject('text')\n",
  'only-throw-error': "export function a() {\n  throw 'text'\n}\n",
}

const fileOf = (rule: string) => `ingest/breaks-${(rule.split('/').at(-1) as string).toLowerCase()}.ts`
const planted = (rules: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(rules).map(([rule, text]) => [fileOf(rule), text]))
const KEPT = { 'ingest/kept.ts': 'export const kept = 1\n\nexport interface Kept {\n  readonly a: number\n}\n' }

describe('biome', () => {
  let tree: PlantedTree
  let output: string

  beforeAll(() => {
    tree = plantTree({ ...KEPT, ...planted(BIOME_PLANTED), 'cli/says.ts': "console.log('said')\n" })
    const run = tree.run(BIOME, 'check', '--error-on-warnings', '--max-diagnostics=none', '--reporter=github')
    expect(run.status).toBe(1)
    output = run.output
  })
  afterAll(() => tree.remove())

  it.each(Object.keys(BIOME_PLANTED))('%s', (rule) => {
    const title = rule === 'format' ? 'title=format' : `title=lint/${rule}`
    expect(output.split('\n').filter((line) => line.includes(title) && line.includes(`/${fileOf(rule)},`))).not.toHaveLength(0)
  })

  it('lets commands print', () => {
    expect(output).not.toContain('cli/says.ts')
  })

  it('has a planted violation for each rule of the configuration', () => {
    const { linter } = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8')) as {
      linter: { rules: Record<string, string | Record<string, string>> }
    }
    const named = Object.entries(linter.rules).flatMap(([group, rules]) =>
      typeof rules === 'string'
        ? []
        : Object.entries(rules)
            .filter(([, level]) => level !== 'off')
            .map(([rule]) => `${group}/${rule}`),
    )
    expect(named.filter((rule) => BIOME_PLANTED[rule] === undefined)).toEqual([])
  })
})

describe('oxlint, with types', () => {
  let tree: PlantedTree
  let output: string

  beforeAll(() => {
    tree = plantTree({ ...KEPT, ...planted(OXLINT_PLANTED) })
    const run = tree.run(OXLINT, '--type-aware', '--deny-warnings', '--format=unix', 'ingest')
    expect(run.status).toBe(1)
    output = run.output
  })
  afterAll(() => tree.remove())

  it.each(Object.keys(OXLINT_PLANTED))('%s', (rule) => {
    expect(output.split('\n').filter((line) => line.includes(fileOf(rule)) && line.includes(`/typescript(${rule})`))).not.toHaveLength(0)
  })

  it('has a planted violation for each rule of the configuration', () => {
    const { rules } = JSON.parse(readFileSync(join(ROOT, '.oxlintrc.json'), 'utf8')) as { rules: Record<string, unknown> }
    const named = Object.keys(rules).map((rule) => rule.replace('typescript/', ''))
    expect(named.filter((rule) => OXLINT_PLANTED[rule] === undefined)).toEqual([])
  })
})
