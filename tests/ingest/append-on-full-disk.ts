/**
 * Fills a small disk through the log, frees room, goes on, opens again and compares: `node ... FOLDER`, where FOLDER is
 * a file system of a few MB. Prints one line.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openLmdbLog } from '../../ingest/log/lmdb.ts'
import { LogUnavailableError } from '../../schemas/ports/log.ts'

const [disk = ''] = process.argv.slice(2)
const path = join(disk, 'log')
const ballast = join(disk, 'ballast')
writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024, 1))
let log = await openLmdbLog({ path, partitions: 2 })
const acknowledged = new Set<string>()
const refused = new Set<string>()

async function append(names: readonly string[]): Promise<boolean> {
  try {
    await log.append(names.map((name, i) => ({ partition: i % 2, value: Buffer.from(name.padEnd(2_000, '.')) })))
    for (const name of names) acknowledged.add(name)
    return true
  } catch (error) {
    if (!(error instanceof LogUnavailableError)) throw error
    for (const name of names) refused.add(name)
    return false
  }
}

for (let i = 0, failures = 0; failures < 60 && i < 5_000; i++) {
  const results = await Promise.all([append([`${i}.a`, `${i}.b`, `${i}.c`]), append([`${i}.d`])])
  failures += results.filter((ok) => !ok).length
}
rmSync(ballast)
const resumed = await append(['after.a', 'after.b'])
await log.close()

log = await openLmdbLog({ path, partitions: 2 })
const stored = new Set<string>()
for (const partition of [0, 1]) {
  for (const { value } of await log.read(partition, 0, 1_000_000)) stored.add(Buffer.from(value).toString().replace(/\.+$/, ''))
}
await log.close()
const lost = [...acknowledged].filter((name) => !stored.has(name)).length
const unacknowledged = [...stored].filter((name) => !acknowledged.has(name)).length
process.stdout.write(
  `acknowledged ${acknowledged.size} failed ${refused.size} lost ${lost} unacknowledged ${unacknowledged} resumed ${resumed}\n`,
)
