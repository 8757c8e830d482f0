import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/** The repository's own rules, copied as they are: a planted tree is judged by what judges the product. */
const RULES = [
  'package.json',
  'tsconfig.json',
  'biome.json',
  'knip.json',
  '.oxlintrc.json',
  '.dependency-cruiser.cjs',
  '.gitignore',
  'dashboard/tsconfig.json',
  'ingest/browser/tsconfig.json',
]

/** A throw-away tree of planted files under the repository's rules. */
export interface PlantedTree {
  readonly folder: string
  /** Runs a tool of the repository (`node <path from the root> ...args`) in the tree. */
  run(tool: string, ...args: string[]): { readonly status: number | null; readonly output: string }
  remove(): void
}

/** Plants `files` (path to text) in a new temporary folder. */
export function plantTree(files: Readonly<Record<string, string>>): PlantedTree {
  const folder = mkdtempSync(join(tmpdir(), 'kappa-planted-'))
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const path of RULES) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    cpSync(join(ROOT, path), join(folder, path))
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  for (const [path, text] of Object.entries(files)) write(path, text)
  return {
    folder,
    run(tool, ...args) {
      const { status, stdout, stderr, error } = spawnSync(process.execPath, [join(ROOT, tool), ...args], {
        cwd: folder,
        encoding: 'utf8',
        maxBuffer: 64 * 1024 * 1024,
        env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
      })
      if (error !== undefined) throw error
      return { status, output: `${stdout}${stderr}` }
    },
    remove() {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
