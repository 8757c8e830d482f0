import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DedupeStep } from '../../ingest/dedupe/dedupe-step.ts'
import { batchKey } from '../../ingest/log/batch-frame.ts'
import { openLmdbLog } from '../../ingest/log/lmdb.ts'
import { LogCorruptError } from '../../schemas/ports/log.ts'

let path: string
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'kappa-durability-'))
})
afterEach(() => rm(path, { recursive: true, force: true }))

const fullDisk = join(import.meta.dirname, '../ingest/append-on-full-disk.ts')
const script = join(import.meta.dirname, '../ingest/append-until-killed.ts')

/** Runs the appending process; `each` sees every line and may kill it. Resolves with all whole lines. */
async function run(
  command: string,
  args: readonly string[],
  each: (lines: number, kill: () => void) => void = () => {},
): Promise<string[]> {
  const child = spawn(command, args, { cwd: join(import.meta.dirname, '../..'), stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    each(text.split('\n').length - 1, () => child.kill('SIGKILL'))
  })
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  await new Promise((resolve) => child.on('close', resolve))
  if (text === '') throw new Error(`the process said nothing: ${errors}`)
  return text.split('\n').slice(0, -1)
}

async function storedIds(): Promise<string[]> {
  const log = await openLmdbLog({ path, partitions: 2 })
  const ids: string[] = []
  for (const partition of [0, 1]) {
    for (const { value } of await log.read(partition, 0, 10_000_000)) ids.push(JSON.parse(Buffer.from(value).toString()).event_id)
  }
  // What the index knows is what the log holds: both are written in one transaction.
  const dedupe = await DedupeStep.open(log, { nowMs: () => Date.now() }, randomBytes)
  expect(dedupe.stats.ids).toBe(ids.length)
  await log.close()
  return ids
}

describe('durability of the embedded log', () => {
  it('kill -9 loses nothing that was acknowledged and stores nothing twice', async () => {
    const acknowledged: string[] = []
    for (const lines of [300, 1_100, 2_500]) {
      acknowledged.push(...(await run('node', ['--import', 'tsx', script, path], (seen, kill) => seen >= lines && kill())))
    }
    expect(acknowledged.length).toBeGreaterThan(3_000)
    const stored = await storedIds()
    expect(new Set(stored).size).toBe(stored.length)
    const set = new Set(stored)
    expect(acknowledged.filter((id) => !set.has(id))).toEqual([])
  }, 30_000)

  it('a full disk is `log_unavailable`; it goes on without a restart when there is room again', async (context) => {
    // A mount namespace of its own: a small disk that is gone with the process.
    const lines = await run('unshare', [
      '-rm',
      'sh',
      '-c',
      `mount -t tmpfs -o size=6m tmpfs ${path} && exec node --import tsx ${fullDisk} ${path}`,
    ]).catch(() => [])
    if (lines.length === 0) {
      console.warn('full disk: namespaces can not be made here, the test is skipped')
      context.skip()
    }
    expect(lines.at(-1)).toMatch(/^acknowledged \d{3,} failed \d{2,} lost 0 unacknowledged 0 resumed true$/)
  }, 30_000)
})

describe('damage in the embedded log', () => {
  const damage = async (change: (frame: Buffer) => Buffer | undefined, firstOffset = 2): Promise<void> => {
    const log = await openLmdbLog({ path, partitions: 1 })
    for (const batch of [['a', 'b'], ['c', 'd', 'e'], ['f']])
      await log.append(batch.map((text) => ({ partition: 0, value: Buffer.from(text.repeat(20)) })))
    await log.close()
    const root = open<Buffer, Buffer>({ path, noSubdir: false, encoding: 'binary', keyEncoding: 'binary' })
    const records = root.openDB({ name: 'records', encoding: 'binary', keyEncoding: 'binary' })
    const key = batchKey(0, firstOffset)
    const changed = change(Buffer.from(records.getBinary(key) ?? []))
    await (changed ? records.put(key, changed) : records.remove(key))
    await root.close()
  }

  it.each<[string, (frame: Buffer) => Buffer | undefined]>([
    ['a bit of a record', (frame) => frame.fill((frame[20] ?? 0) ^ 4, 20, 21)],
    ['a bit of the checksum', (frame) => frame.fill((frame[8] ?? 0) ^ 1, 8, 9)],
    ['a record length', (frame) => frame.fill(255, 12, 13)],
    ['the format version', (frame) => frame.fill(9, 0, 1)],
    ['a cut', (frame) => frame.subarray(0, frame.length - 1)],
    ['a cut to nothing', (frame) => frame.subarray(0, 5)],
    ['bytes behind', (frame) => Buffer.concat([frame, Buffer.from('x')])],
    ['a batch that is gone', () => undefined],
  ])('%s is found and named, what stands before is read', async (_name, change) => {
    await damage(change)
    const log = await openLmdbLog({ path, partitions: 1 })
    expect((await log.read(0, 0, 2)).length).toBe(2)
    expect(() => log.read(0, 2, 10)).toThrow(LogCorruptError)
    expect(() => log.read(0, 0, 10)).toThrow(/partition 0 at offset 2/)
    expect((await log.read(0, 5, 10)).length).toBe(1)
    await log.close()
  })

  it('every bit of a batch matters', async () => {
    await damage((frame) => frame)
    for (let byte = 0; byte < 84; byte += 5) {
      const root = open<Buffer, Buffer>({ path, noSubdir: false, encoding: 'binary', keyEncoding: 'binary' })
      const records = root.openDB({ name: 'records', encoding: 'binary', keyEncoding: 'binary' })
      const key = batchKey(0, 2)
      const frame = Buffer.from(records.getBinary(key) ?? [])
      const flipped = Buffer.from(frame)
      flipped[byte] = (flipped[byte] ?? 0) ^ (1 << (byte % 8))
      await records.put(key, flipped)
      await root.close()
      const log = await openLmdbLog({ path, partitions: 1 })
      expect(() => log.read(0, 2, 1)).toThrow(LogCorruptError)
      await log.close()
      const again = open<Buffer, Buffer>({ path, noSubdir: false, encoding: 'binary', keyEncoding: 'binary' })
      await again.openDB({ name: 'records', encoding: 'binary', keyEncoding: 'binary' }).put(key, frame)
      await again.close()
    }
  })

  it('a damaged last batch stops the log from opening: its end is not known', async () => {
    await damage((frame) => frame.subarray(0, 5), 5)
    await expect(openLmdbLog({ path, partitions: 1 })).rejects.toThrow(/partition 0 at offset 5/)
  })

  it('a file that was cut anywhere is refused or whole, and never ends the process', async () => {
    const first = await openLmdbLog({ path, partitions: 1 })
    for (let batch = 0; batch < 30; batch += 1)
      await first.append(Array.from({ length: 5 }, () => ({ partition: 0, value: Buffer.alloc(500, batch) })))
    await first.close()
    const [file, whole] = [join(path, 'data.mdb'), join(path, 'whole')]
    await copyFile(file, whole)
    const { size } = await stat(whole)
    const outcomes: string[] = []
    for (const length of [0, 1, 4_095, 4_096, 8_191, 8_192, 12_288, size / 2, size - 8_192, size - 4_096, size - 1, size]) {
      await copyFile(whole, file)
      await truncate(file, Math.floor(length))
      const outcome = await openLmdbLog({ path, partitions: 1 }).then(
        async (log) => {
          const count = (await log.read(0, 0, 1_000)).length
          await log.close()
          return `read ${count}`
        },
        (error: Error) => `${error.name} ${/damaged/.exec(error.message)?.[0]}`,
      )
      outcomes.push(outcome)
    }
    expect(new Set(outcomes)).toEqual(new Set(['LogCorruptError damaged', 'read 150']))
    expect(outcomes.slice(0, 7)).toEqual(Array.from({ length: 7 }, () => 'LogCorruptError damaged'))
    expect(outcomes.at(-1)).toBe('read 150')
  })

  it('a file that is gone or empty is a new log only where none was made before', async () => {
    const file = join(path, 'data.mdb')
    await mkdir(path, { recursive: true })
    await writeFile(file, '') // of a process that was killed as it began
    const first = await openLmdbLog({ path, partitions: 1 })
    await first.append([{ partition: 0, value: Buffer.from('kept') }])
    await first.close()
    await copyFile(file, join(path, 'whole'))
    await truncate(file, 0)
    await expect(openLmdbLog({ path, partitions: 1 })).rejects.toThrow(
      `the log in ${path} is damaged: its file data.mdb is empty; put back`,
    )
    await rm(file)
    await expect(openLmdbLog({ path, partitions: 1 })).rejects.toThrow('its file data.mdb is gone; put back')
    await copyFile(join(path, 'whole'), file)
    const again = await openLmdbLog({ path, partitions: 1 })
    expect(await again.read(0, 0, 10)).toHaveLength(1)
    await again.close()
  })
})
