/** Which member of the group an instance was, on its disk: a process that was killed and is back goes on as that one. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import type { FormerMember } from './kafka-membership.ts'

const member = z.object({ memberId: z.string(), owned: z.array(z.int()), generation: z.int() })

/** `path` is of one instance at a time. What stands there and can't be read counts as nothing: the group is joined anew. */
export function memberFile(path: string): FormerMember {
  return {
    async read() {
      try {
        return member.parse(JSON.parse(await readFile(path, 'utf8')))
      } catch {
        return undefined
      }
    },
    async write(record) {
      await writeFile(`${path}.part`, JSON.stringify(record), { mode: 0o600 })
      await rename(`${path}.part`, path)
    },
  }
}
