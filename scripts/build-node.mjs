/**
 * Emits dist/ for Node: TypeScript of every stage (tsconfig.build.json) through the native compiler, the files beside
 * it that are read at run time (SQL, JSON), and nothing of what has lost its source. `dist/cli/kappa.js` is executable.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'

const root = resolve(import.meta.dirname, '..')
const dist = join(root, 'dist')
const startedAt = performance.now()
const stages = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8')).include

const compiled = spawnSync(process.execPath, [join(root, 'node_modules/typescript-native/bin/tsc'), '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
})
if (compiled.error !== undefined) throw compiled.error
if (compiled.status !== 0) {
  console.error('build:node: the types above are wrong, nothing was emitted')
  process.exit(1)
}

/** Paths of all files below `folder`, relative to it. */
function filesBelow(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

let modules = 0
for (const stage of stages) {
  const emitted = join(dist, stage)
  for (const file of filesBelow(emitted)) {
    const source = file.replace(/\.js(\.map)?$/, '.ts')
    if (!existsSync(join(root, stage, source))) rmSync(join(emitted, file))
    else if (file.endsWith('.js')) modules += 1
  }
  for (const file of filesBelow(join(root, stage))) {
    if (!/\.(sql|json)$/.test(file) || file.endsWith('tsconfig.json')) continue
    mkdirSync(dirname(join(emitted, file)), { recursive: true })
    cpSync(join(root, stage, file), join(emitted, file))
  }
}

const command = join(dist, 'cli/kappa.js')
if (!existsSync(command)) {
  console.error('build:node: cli/kappa.ts is missing, so there is no kappa command')
  process.exit(1)
}
chmodSync(command, 0o755)
console.log(`build:node: ${modules} modules in dist/ (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`)
