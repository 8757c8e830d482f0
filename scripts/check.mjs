/**
 * The one gate: `npm run check`. Every rule of the house is a step here; a line a step with its time, the output of
 * the steps that fail, exit status 1 when one did. Each rule is shown to catch a planted violation in tests/tidy/.
 * `--root DIR` looks at another tree.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'

const repository = resolve(import.meta.dirname, '..')
const { values } = parseArgs({ options: { root: { type: 'string', default: repository } } })
const root = resolve(values.root)
const bin = (path) => join(repository, 'node_modules', path)
const own = (script) => [join(import.meta.dirname, script), '--root', root]
const tsc = bin('typescript-native/bin/tsc')

/** What each step runs, longest first, so that two at a time end together. */
const steps = [
  { name: 'imports', args: own('import-directions.mjs') },
  { name: 'dead code', args: [bin('knip/bin/knip.js'), '--no-progress', '--treat-config-hints-as-errors'] },
  { name: 'promises', args: [bin('oxlint/bin/oxlint'), '--type-aware', '--deny-warnings', '--format=unix'] },
  { name: 'types', args: [tsc, '--noEmit', '-p', 'tsconfig.json'] },
  { name: 'types of the dashboard', args: [tsc, '--noEmit', '-p', 'dashboard/tsconfig.json'] },
  { name: 'types of the SDK', args: [tsc, '--noEmit', '-p', 'ingest/browser/tsconfig.json'] },
  { name: 'lint and format', args: [bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '--max-diagnostics=50'] },
  { name: 'tidy', args: own('tidy.mjs') },
  { name: 'lock of all platforms', args: [...own('lock-platforms.mjs'), '--check'] },
]
const AT_ONCE = 2

function run({ name, args }) {
  const startedAt = performance.now()
  return new Promise((settle) => {
    const output = []
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (chunk) => output.push(chunk))
    child.stderr.on('data', (chunk) => output.push(chunk))
    child.on('error', (error) => output.push(Buffer.from(`${error.message}\n`)))
    child.on('close', (status) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      console.log(`${status === 0 ? 'ok    ' : 'FAILED'}  ${seconds.padStart(5)} s  ${name}`)
      settle({ name, passed: status === 0, output: Buffer.concat(output).toString().trim() })
    })
  })
}

if (!existsSync(tsc)) {
  console.error('check: the development dependencies are not installed: run npm ci')
  process.exit(1)
}

const startedAt = performance.now()
const waiting = [...steps]
const results = []
async function worker() {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) results.push(await run(step))
}
await Promise.all(Array.from({ length: AT_ONCE }, worker))

const failed = results.filter((result) => !result.passed)
for (const { name, output } of failed) console.log(`\n--- ${name} ---\n${output}`)
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
console.log(`\ncheck: ${results.length - failed.length} passed, ${failed.length} failed (${seconds} s)`)
process.exitCode = failed.length === 0 ? 0 : 1
