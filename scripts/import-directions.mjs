/**
 * Import directions and cycles (.dependency-cruiser.cjs). Fails too when a source file was not read, so that a cruiser
 * that lost its parser can't pass. `--root DIR` looks at another tree with the same rules.
 */
import { createRequire } from 'node:module'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { cruise } from 'dependency-cruiser'
import { sourceFiles } from './source-files.mjs'

const { values } = parseArgs({ options: { root: { type: 'string', default: resolve(import.meta.dirname, '..') } } })
const root = resolve(values.root)
process.chdir(root)

const { forbidden, options } = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs'))
const folders = ['cli', 'schemas', 'metrics', 'ingest', 'processors', 'warehouse', 'dashboard', 'verify', 'simulate', 'tests']
const present = folders.filter((folder) => existsSync(join(root, folder)))
const { enhancedResolveOptions, ...cruiseOptions } = options
const { output } = await cruise(present, { ...cruiseOptions, validate: true, ruleSet: { forbidden } }, enhancedResolveOptions)

const problems = output.summary.violations.map((violation) => {
  const way = violation.cycle === undefined ? [violation.to] : violation.cycle.map((step) => step.name)
  return `${violation.rule.name}: ${[violation.from, ...way].join(' -> ')}`
})

const read = new Map(output.modules.map((module) => [module.source, module.dependencies.length]))
const expected = sourceFiles(root).filter((file) => /\.tsx?$/.test(file) && present.includes(file.split('/')[0]))
for (const file of expected) if (!read.has(file)) problems.push(`not-read: ${file}`)
const dependencies = [...read.values()].reduce((sum, count) => sum + count, 0)
if (expected.length === 0) problems.push('not-read: no source file was found')
if (expected.length > 1 && dependencies === 0) problems.push(`not-read: ${expected.length} files without a single import`)

for (const problem of [...new Set(problems)].sort()) console.log(problem)
console.log(`${expected.length} files, ${dependencies} imports, ${problems.length} against their direction`)
process.exitCode = problems.length === 0 ? 0 : 1
