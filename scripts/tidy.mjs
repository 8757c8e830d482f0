/**
 * The house rules that no linter knows: injected clock, randomness and environment; names; sizes; nothing left over.
 * Prints `file:line rule: what to do` for each violation. `--root DIR` looks at another tree.
 */
import { readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { parseSync } from 'vite'
import { sourceFiles } from './source-files.mjs'

const LINES_MAX = 400
const CODE_FILE = /\.(ts|tsx|mjs|cjs)$/
const SIZED_FILE = /\.(ts|tsx|mjs|cjs|css|sql)$/
const TEXT_FILE = /\.(ts|tsx|mjs|cjs|css|sql|md|json|html|ya?ml)$|(^|\/)\.ci\/run$/

/** Where the real clock, randomness and environment may be read: the composition roots, and what is no product code. */
const COMPOSITION_ROOT = /^(cli|scripts|tests|\.ci)\/|^dashboard\/main\.tsx$|^ingest\/browser\/kappa\.ts$|^[^/]+$/

/** Names that tools fix, and the two things that the world knows as kappa: the command and the SDK. */
const NAMED_BY_OTHERS = new Set(['tsconfig.json', 'package.json', 'README.md', 'index.html', 'vite.config.ts', 'kappa.ts'])
const EMPTY_NAMES = new Set(['util', 'utils', 'helper', 'helpers', 'misc', 'common'])
const KEBAB_STEM = /^[a-z0-9]+(-[a-z0-9]+)*$/

const SWITCH = /(biome|oxlint|eslint|prettier|knip)-(ignore|disable)|@ts-(ignore|expect-error|nocheck)|[cv]8 ignore/
const UNFINISHED = /\b(TODO|FIXME|XXX|HACK)\b/
const MACHINE_PATH = /(?<![\w.:/-])\/(home|Users|root|work|workspace|mnt)\/\w|[A-Z]:\\Users\\/

/** Every node of a syntax tree, parents first. */
function* nodesOf(node) {
  if (typeof node.type === 'string') yield node
  for (const child of Object.values(node)) {
    if (child !== null && typeof child === 'object') yield* nodesOf(child)
  }
}

/** The dotted name of `a`, `a.b`, `a['b']`, `globalThis.a.b`, `a.b()`: an empty string for anything else. */
function dottedName(node) {
  if (node.type === 'Identifier') return node.name
  if (node.type === 'CallExpression') return dottedName(node.callee)
  if (node.type === 'ChainExpression') return dottedName(node.expression)
  if (node.type !== 'MemberExpression') return ''
  const property = node.computed ? node.property.value : node.property.name
  return `${dottedName(node.object)}.${property}`.replace(/^globalThis\./, '')
}

/** What a node takes from outside: `Date.now`, `Math.random`, `process.env`, or an empty string. */
function takenFromOutside(node) {
  const names = []
  if (node.type === 'MemberExpression') names.push(dottedName(node))
  if (node.type === 'NewExpression' && node.arguments.length === 0) names.push(`new ${dottedName(node.callee)}`)
  if (node.type === 'VariableDeclarator' && node.id.type === 'ObjectPattern' && node.init !== null) {
    for (const property of node.id.properties) names.push(`${dottedName(node.init)}.${property.key?.name}`)
  }
  if (node.type === 'ImportDeclaration' && /^(node:)?process$/.test(node.source.value)) {
    for (const specifier of node.specifiers) names.push(`process.${specifier.imported?.name}`)
  }
  return names.find((name) => ['Date.now', 'new Date', 'Math.random', 'process.env'].includes(name)) ?? ''
}

function isNarrowedTest(node) {
  return node.type === 'MemberExpression' && /^(it|test|describe|suite|bench)(\.\w+)*\.(only|skip|todo|fails)$/.test(dottedName(node))
}

function codeProblems(file, text) {
  const { program, errors } = parseSync(file, text)
  if (errors.length > 0) return [{ at: 0, rule: 'readable', message: `can't be parsed: ${errors[0].message}` }]
  const problems = undocumentedExports(file, text, program)
  for (const node of nodesOf(program)) {
    const taken = COMPOSITION_ROOT.test(file) ? '' : takenFromOutside(node)
    if (taken !== '') {
      const message = `${taken} outside cli, scripts and tests: take it as a parameter`
      problems.push({ at: node.start, rule: 'clock-randomness-environment-injected', message })
    }
    if (isNarrowedTest(node)) {
      problems.push({ at: node.start, rule: 'no-narrowed-tests', message: `${dottedName(node)} hides tests: remove it` })
    }
  }
  return problems
}

function isExportedFunctionOrClass(node) {
  return node?.type === 'ExportNamedDeclaration' && /^(Function|Class)Declaration$/.test(node.declaration?.type ?? '')
}

/** Exported functions and classes without a doc comment. That of the file, above the imports, stands for one of them. */
function undocumentedExports(file, text, program) {
  if (/^(scripts|tests)\//.test(file)) return []
  const bare = program.body.filter((node) => isExportedFunctionOrClass(node) && !text.slice(0, node.start).trimEnd().endsWith('*/'))
  const isFileDocumented = /^(#!.*\n)?\/\*\*/.test(text) && !isExportedFunctionOrClass(program.body[0])
  return bare.slice(isFileDocumented ? 1 : 0).map((node) => {
    return { at: node.start, rule: 'documented', message: `say what ${node.declaration.id.name} takes, gives and refuses` }
  })
}

function textProblems(text) {
  const rules = [
    ['no-switches', SWITCH, 'mend the code instead of switching the rule off'],
    ['nothing-unfinished', UNFINISHED, 'finish it, or open an issue'],
    ['no-machine-paths', MACHINE_PATH, 'a path that exists on one machine only'],
  ]
  return rules.flatMap(([rule, pattern, message]) => {
    return [...text.matchAll(new RegExp(pattern, 'g'))].map(({ index }) => ({ at: index, rule, message }))
  })
}

function nameProblems(file) {
  const name = basename(file)
  const folders = file.split('/').slice(0, -1)
  const stem = name.replace(/(\.(test|bench|e2e\.config|integration\.config|config|module|d))?\.\w+$/, '')
  const problems = []
  const empty = [...folders, ...stem.split('-')].find((word) => EMPTY_NAMES.has(word)) ?? (stem === 'index' ? stem : undefined)
  if (empty !== undefined) problems.push({ at: 0, rule: 'names-say-something', message: `"${empty}" says nothing: name the idea` })
  for (const word of [...folders, stem]) {
    if (!KEBAB_STEM.test(word.replace(/^\./, ''))) problems.push({ at: 0, rule: 'kebab-case', message: `"${word}" is not kebab-case` })
  }
  return problems
}

/** Problems of the tree below `root`, each `{file, line, rule, message}`. */
function tidyProblems(root) {
  const problems = []
  const firstOfName = new Map()
  const files = sourceFiles(root).filter((file) => TEXT_FILE.test(file) && !/^package-lock\.json$|^schemas\/json\//.test(file))
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8')
    const add = ({ at, rule, message }) => {
      problems.push({ file, line: text.slice(0, at).split('\n').length, rule, message })
    }
    if (CODE_FILE.test(file)) {
      codeProblems(file, text).forEach(add)
      nameProblems(file).forEach(add)
    }
    // The rules can't be written, nor planted in their test, without naming what they forbid.
    if (file !== 'scripts/tidy.mjs' && !file.startsWith('tests/tidy/')) textProblems(text).forEach(add)
    const lines = text.split('\n').length - 1
    if (SIZED_FILE.test(file) && lines > LINES_MAX) {
      add({ at: 0, rule: 'size', message: `${lines} lines, at most ${LINES_MAX}: split it by idea` })
    }
    const name = basename(file)
    const first = firstOfName.get(name)
    if (first === undefined) firstOfName.set(name, file)
    else if (!NAMED_BY_OTHERS.has(name)) add({ at: 0, rule: 'unique-names', message: `${first} has the same name` })
  }
  if (!files.some((file) => file.includes('/') && CODE_FILE.test(file)))
    problems.push({ file: root, line: 1, rule: 'readable', message: 'no code was found' })
  return problems
}

const { values } = parseArgs({ options: { root: { type: 'string', default: resolve(import.meta.dirname, '..') } } })
const problems = tidyProblems(resolve(values.root))
for (const { file, line, rule, message } of problems) console.log(`${file}:${line} ${rule}: ${message}`)
process.exitCode = problems.length === 0 ? 0 : 1
