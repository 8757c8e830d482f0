import { expect, it } from 'vitest'
import { plantTree } from '../support/planted-tree.ts'

it('the gate fails, and shows why, when its steps do', () => {
  const tree = plantTree({
    'cli/kappa.ts': "import { a } from './absent.ts'\nimport '../ingest/late.ts'\n\nexport const b: number = a\n",
    'ingest/late.ts': 'const later = () => Promise.resolve(1)\nlater()\n\nexport const at = Date.now();\n',
    'ingest/browser/kappa.ts': 'process.exit()\n',
    'dashboard/main.tsx': 'export const page = <p>{process.pid}</p>\n',
    'package-lock.json': JSON.stringify({ packages: { a: { optionalDependencies: { 'a-linux-x64': '1.0.0' } } } }),
  })
  const { status, output } = tree.run('scripts/check.mjs', '--root', tree.folder)
  tree.remove()
  const passed = output.split('\n').filter((line) => line.startsWith('ok '))
  expect(passed).toEqual([])
  expect(output).toMatch(/\ncheck: 0 passed, 9 failed /)
  expect(output).toContain('clock-randomness-environment-injected')
  expect(output).toContain('no-unresolvable: cli/kappa.ts -> ./absent.ts')
  expect(status).toBe(1)
}, 60_000)
