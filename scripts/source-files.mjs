import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Folders that hold nothing of ours, or nothing written by hand. */
const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'coverage', '.git', '.kappa'])

/** Paths (with `/`, sorted) of all files of the repository below `root`, whether or not they were committed yet. */
export function sourceFiles(root, folder = '') {
  const files = []
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) files.push(...sourceFiles(root, path))
    else if (entry.isFile()) files.push(path)
  }
  return files.sort()
}
