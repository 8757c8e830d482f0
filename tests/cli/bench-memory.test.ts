import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { platform } from 'node:process'
import { expect, it } from 'vitest'
import { memoryOf, watchOwnMemory } from '../../cli/bench/bench-memory.ts'

const MEGABYTES = 200
/** Holds memory of its own, says so, and waits to be ended. */
const HOLDER = `const held = Buffer.alloc(${MEGABYTES}e6, 1); process.stdout.write('held'); process.stdin.on('end', () => held.length).resume()`

it.skipIf(platform !== 'linux')('counts what a process has of its own, and the most that it had', async () => {
  const child = spawn(process.execPath, ['-e', HOLDER], { stdio: ['pipe', 'pipe', 'inherit'] })
  const pid = child.pid as number
  await once(child.stdout, 'data')
  const endWatch = watchOwnMemory(pid, 10)
  const memory = memoryOf(pid)
  expect(memory?.ownMb).toBeGreaterThan(MEGABYTES)
  expect(memory?.residentMb).toBeGreaterThan(memory?.ownMb ?? 0)
  child.stdin.end()
  await once(child, 'exit')
  expect(endWatch()).toBeGreaterThan(MEGABYTES)
})

it('knows nothing of a process that is not there', () => {
  expect(memoryOf(2 ** 30)).toBeUndefined()
})
