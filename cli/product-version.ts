/** The version of this build, from the package that it belongs to. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** As in package.json, which lies one folder up from the sources and two from `dist/cli`. */
export function productVersion(): string {
  for (const up of ['..', '../..']) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(import.meta.dirname, up, 'package.json'), 'utf8'))
      if (name === 'kappa-growth' && typeof version === 'string') return version
    } catch {
      // the other place
    }
  }
  return '0.0.0'
}
