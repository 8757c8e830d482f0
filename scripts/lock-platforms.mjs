/**
 * Completes package-lock.json with the prebuilt packages of all platforms. npm leaves those out that it could not load
 * where the lock was written (npm/cli#4828), and `npm ci` then refuses the lock. Without arguments it writes what is
 * missing; with `--check` it names it and exits 1. Run it after every change of dependencies.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    root: { type: 'string', default: resolve(import.meta.dirname, '..') },
  },
})
const path = join(resolve(values.root), 'package-lock.json')
const lock = JSON.parse(readFileSync(path, 'utf8'))

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']

/** The platform that a prebuilt package names in its own name, in the fields that npm skips by. */
function platformOf(name) {
  const words = name.split(/[-/]/)
  const systems = name === 'fsevents' ? ['darwin'] : SYSTEMS.filter((system) => words.includes(system))
  const processors = PROCESSORS.filter((processor) => words.includes(processor))
  const libc = words.some((word) => word.startsWith('musl')) ? ['musl'] : words.some((word) => word.startsWith('gnu')) ? ['glibc'] : []
  return {
    ...(processors.length > 0 ? { cpu: processors } : {}),
    ...(libc.length > 0 ? { libc } : {}),
    ...(systems.length > 0 ? { os: systems } : {}),
  }
}

/** Where `name` is found from the package at `place`: the nearest node_modules that has it. */
function isLocked(name, place) {
  for (let folder = place; ; folder = folder.slice(0, folder.lastIndexOf('/node_modules/'))) {
    if (lock.packages[`${folder}/node_modules/${name}`] !== undefined) return true
    if (!folder.includes('/node_modules/')) return lock.packages[`node_modules/${name}`] !== undefined
  }
}

const missing = []
for (const [place, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(name, place)) continue
    const version = range.replace(/^[~^]/, '')
    const platform = platformOf(name)
    if (Object.keys(platform).length === 0 || !/^\d+\.\d+\.\d+/.test(version)) throw new Error(`can't lock ${name} ${range} of ${place}`)
    missing.push([`node_modules/${name}`, { version, ...(entry.dev ? { dev: true } : {}), optional: true, ...platform }])
  }
}

for (const [place, { version }] of missing) console.log(`${values.check ? 'missing' : 'added'}: ${place} ${version}`)
if (missing.length > 0 && values.check) {
  console.log('package-lock.json lacks packages of other platforms: run node scripts/lock-platforms.mjs')
  process.exitCode = 1
} else if (missing.length > 0) {
  const packages = Object.entries({ ...lock.packages, ...Object.fromEntries(missing) })
  packages.sort(([a], [b]) => a.localeCompare(b, 'en'))
  writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`)
}
