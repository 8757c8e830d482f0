import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PlantedTree, plantTree } from '../support/planted-tree.ts'

const TOOL = 'scripts/tidy.mjs'
const INJECTED = 'clock-randomness-environment-injected'

/** Each rule, the file that breaks it, and its text. */
const PLANTED: readonly (readonly [rule: string, file: string, text: string])[] = [
  [INJECTED, 'processors/reads-clock.ts', 'export const at = () => Date.now()\n'],
  [INJECTED, 'processors/reads-clock-by-new.ts', 'export const at = () => new Date()\n'],
  [INJECTED, 'processors/reads-clock-by-bracket.ts', "export const at = () => globalThis.Date['now']()\n"],
  [INJECTED, 'metrics/reads-clock-by-parts.ts', 'const { now } = Date\nexport const at = now\n'],
  [INJECTED, 'metrics/draws.ts', 'export const draw = Math.random\n'],
  [INJECTED, 'warehouse/reads-environment.ts', 'export const home = process.env.HOME\n'],
  [INJECTED, 'warehouse/imports-environment.ts', "import { env } from 'node:process'\nexport const home = env.HOME\n"],
  [INJECTED, 'dashboard/reads-clock-in-page.tsx', 'export const Page = () => <p>{Date.now()}</p>\n'],
  ['documented', 'metrics/undocumented.ts', 'export function rate() {\n  return 1\n}\n'],
  ['documented', 'metrics/undocumented-class.ts', '/** Of A. */\nexport class A {}\nexport class B {}\n'],
  ['no-narrowed-tests', 'tests/only.test.ts', "import { it } from 'vitest'\nit.only('runs alone', () => {})\n"],
  ['no-narrowed-tests', 'tests/skipped.test.ts', "import { describe } from 'vitest'\ndescribe.skip('is passed over', () => {})\n"],
  ['no-narrowed-tests', 'tests/chained.test.ts', "import { test } from 'vitest'\ntest.concurrent.only.each([1])('%i', () => {})\n"],
  ['no-switches', 'cli/biome-switch.ts', '// biome-ignore lint/style/useConst: because\nexport const a = 1\n'],
  ['no-switches', 'cli/type-switch.ts', '// @ts-ignore\nexport const b = 1\n'],
  ['no-switches', 'cli/expecting-switch.ts', '// @ts-expect-error wrong\nexport const c = 1\n'],
  ['nothing-unfinished', 'cli/unfinished.ts', '// TODO: the rest\nexport const d = 1\n'],
  ['no-machine-paths', 'cli/machine-path.ts', "export const data = '/home/somebody/data'\n"],
  ['no-machine-paths', 'MACHINE.md', 'Run it in `/Users/somebody/kappa`.\n'],
  ['names-say-something', 'ingest/utils.ts', 'export const e = 1\n'],
  ['names-say-something', 'ingest/http-helpers.ts', 'export const f = 1\n'],
  ['names-say-something', 'ingest/common/address.ts', 'export const g = 1\n'],
  ['names-say-something', 'ingest/misc.ts', 'export const h = 1\n'],
  ['names-say-something', 'ingest/steps/index.ts', 'export const i = 1\n'],
  ['kebab-case', 'ingest/hashKeys.ts', 'export const j = 1\n'],
  ['kebab-case', 'ingest/Steps/hash-keys.ts', 'export const k = 1\n'],
  ['unique-names', 'warehouse/timeline.ts', 'export const l = 1\n'],
  ['size', 'warehouse/long.ts', 'export {}\n'.repeat(401)],
  ['size', 'dashboard/long.css', 'p {}\n'.repeat(401)],
  ['readable', 'cli/unreadable.ts', 'export const = 1\n'],
]

const ALLOWED: Readonly<Record<string, string>> = {
  'processors/timeline.ts':
    "// Date.now, Math.random, process.env, it.only\nexport const text = 'Date.now() Math.random() process.env it.only'\nexport const at = (nowMs: number) => new Date(nowMs)\n",
  'metrics/documented.ts': "/** The file. */\nimport 'jstat'\nexport class A {}\n\n/** Says so. */\nexport function b() {}\n",
  'cli/wiring.ts': 'export const clock = { nowMs: () => Date.now(), draw: Math.random, home: process.env.HOME }\n',
  'tests/timeline.test.ts': "import { it } from 'vitest'\nit.skipIf(Date.now() < 0)('runs', () => {})\n",
  'warehouse/exactly.ts': 'export {}\n'.repeat(400),
  'dashboard/index.html': '<a href="https://example.org/home/page">work/home</a>\n',
}

describe('house rules', () => {
  let tree: PlantedTree
  let found: string[]

  beforeAll(() => {
    tree = plantTree({ ...ALLOWED, ...Object.fromEntries(PLANTED.map(([, file, text]) => [file, text])) })
    const { status, output } = tree.run(TOOL, '--root', tree.folder)
    expect(status).toBe(1)
    found = output.trim().split('\n')
  })
  afterAll(() => tree.remove())

  it.each(PLANTED)('%s: %s', (rule, file) => {
    expect(found.filter((line) => line.startsWith(`${file}:`) && line.includes(` ${rule}: `))).not.toHaveLength(0)
  })

  it('report nothing but what was planted', () => {
    const planted = new Map(PLANTED.map(([rule, file]) => [file, rule]))
    const others = found.filter((line) => {
      const [, file, rule] = /^(.+?):\d+ ([\w-]+): /.exec(line) ?? []
      return planted.get(file ?? '') !== rule
    })
    expect(others).toEqual([])
  })

  it('pass a tree that keeps them, and not a tree without code', () => {
    const clean = plantTree(ALLOWED)
    const empty = plantTree({})
    const results = [clean, empty].map((planted) => planted.run(TOOL, '--root', planted.folder))
    clean.remove()
    empty.remove()
    expect(results).toMatchObject([{ status: 0, output: '' }, { status: 1 }])
  })
})
