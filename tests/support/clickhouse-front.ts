/** A ClickHouse server for tests: the HTTP interface over the embedded engine, in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FaultOrder, FromFront, FrontFault, SeenRequest, ToFront } from './clickhouse-front-faults.ts'

const USER = 'kappa'
const PASSWORD = 'p@ss:word/1'

export interface ClickHouseFront {
  /** With user and password; `database` is `default` when not given. */
  url(database?: string, password?: string): string
  /** Lets the next requests fail (those with `matching` in the statement). */
  fail(fault: FrontFault, options?: Omit<Partial<FaultOrder>, 'fault'>): Promise<void>
  /** Requests since it was last asked. */
  requests(): Promise<readonly SeenRequest[]>
  /** Stops and continues the process, as a machine that hangs. */
  freeze(): void
  thaw(): void
  /** Ends the process and removes its data. */
  close(): Promise<void>
}

async function answerOf<Key extends string>(child: ChildProcess, key: Key): Promise<Extract<FromFront, Record<Key, unknown>>> {
  for (;;) {
    const [message] = (await once(child, 'message', { signal: AbortSignal.timeout(20_000) })) as [FromFront]
    if (key in message) return message as Extract<FromFront, Record<Key, unknown>>
  }
}

export async function startClickHouseFront(): Promise<ClickHouseFront> {
  const path = mkdtempSync(join(tmpdir(), 'kappa-front-'))
  const child = fork(join(import.meta.dirname, 'clickhouse-front-server.ts'), [path, USER, PASSWORD], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const { port } = await answerOf(child, 'port')

  async function ask<Key extends string>(message: ToFront, key: Key): Promise<Extract<FromFront, Record<Key, unknown>>> {
    const answer = answerOf(child, key)
    child.send(message)
    return answer
  }

  return {
    url: (database = 'default', password = PASSWORD) =>
      `http://${USER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database === 'default' ? '' : database}`,
    fail: async (fault, { times = 1, matching = '' } = {}) => void (await ask({ order: { fault, times, matching } }, 'ordered')),
    requests: async () => (await ask({ ask: 'requests' }, 'requests')).requests,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async close() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      rmSync(path, { recursive: true, force: true })
    },
  }
}
