import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DataFolderInUseError, lockDataFolder } from '../../cli/data-lock.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kappa-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const lockFile = () => join(folder, 'kappa.lock')

describe('the lock of a data folder', () => {
  it('is for one at a time, names its holder, and leaves nothing behind', async () => {
    const lock = await lockDataFolder(folder)
    await expect(lockDataFolder(folder)).rejects.toThrow(DataFolderInUseError)
    await expect(lockDataFolder(folder)).rejects.toThrow(`process ${process.pid} uses`)
    await lock.release()
    await lock.release()
    expect(readdirSync(folder)).toEqual([])
    await (await lockDataFolder(folder)).release()
  })

  it('makes the folder', async () => {
    const lock = await lockDataFolder(join(folder, 'a', 'b'))
    expect(existsSync(join(folder, 'a', 'b', 'kappa.lock'))).toBe(true)
    await lock.release()
  })

  it('of a process that was killed is nobody’s', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const started = startedOf(await lockDataFolder(folder), child.pid ?? 0)
    writeFileSync(lockFile(), JSON.stringify({ pid: child.pid, started }))
    await expect(lockDataFolder(folder)).rejects.toThrow(`process ${child.pid} uses`)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await (await lockDataFolder(folder)).release()
  })

  it('of an id that another process has by now is nobody’s', async () => {
    writeFileSync(lockFile(), JSON.stringify({ pid: process.pid, started: 'another boot 1' }))
    await (await lockDataFolder(folder)).release()
    expect(readdirSync(folder)).toEqual([])
  })

  it.each(['', '{', 'null', '{"pid":"1"}'])('that says nothing (%j) is nobody’s', async (content) => {
    writeFileSync(lockFile(), content)
    await (await lockDataFolder(folder)).release()
  })

  it('is taken by one of many that find a stale one at once', async () => {
    writeFileSync(lockFile(), JSON.stringify({ pid: process.pid, started: 'another boot 1' }))
    const takes = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataFolder(folder)))
    expect(takes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

/** An empty start says that the system does not tell: then a live process holds its lock. */
function startedOf(own: { release(): Promise<void> }, pid: number): string {
  expect(JSON.parse(readFileSync(lockFile(), 'utf8'))).toMatchObject({ pid: process.pid })
  expect(pid).toBeGreaterThan(0)
  void own.release()
  return ''
}
