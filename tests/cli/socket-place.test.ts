import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { controlSocketPath, placeControlSocket } from '../../cli/socket-place.ts'

let folder: string
let servers: Server[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kappa-socket-'))
  servers = []
})
afterEach(async () => {
  for (const server of servers) await new Promise((closed) => server.close(closed))
  rmSync(folder, { recursive: true, force: true })
})

function listen(path: string): Promise<void> {
  const server = createServer((connection) => connection.end())
  servers.push(server)
  return new Promise((listening, failed) => {
    server.once('error', failed)
    server.listen(path, listening)
  })
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)
const isSocket = (path: string) => statSync(path).isSocket()

describe('the control socket', () => {
  it('lies in the data folder, for its owner only, and nothing beside it', async () => {
    const path = await placeControlSocket(folder, listen)
    expect(path).toBe(join(folder, 'kappa.sock'))
    expect([isSocket(path), modeOf(path)]).toEqual([true, '600'])
    expect(existsSync(join(folder, '.s'))).toBe(false)
  })

  it('takes the place of one that a crash left', async () => {
    writeFileSync(join(folder, 'kappa.sock'), '')
    mkdirSync(join(folder, '.s'))
    expect(isSocket(await placeControlSocket(folder, listen))).toBe(true)
  })

  it('of a folder with a long path lies in a folder of its own under the temporary one', async () => {
    const deep = join(folder, 'd'.repeat(120))
    mkdirSync(deep)
    const path = await placeControlSocket(deep, listen)
    try {
      expect(path).toBe(controlSocketPath(deep))
      expect(path.startsWith(tmpdir())).toBe(true)
      expect(Buffer.byteLength(path)).toBeLessThanOrEqual(100)
      expect(controlSocketPath(join(folder, 'e'.repeat(120)))).not.toBe(path)
      expect([isSocket(path), modeOf(path), modeOf(dirname(path))]).toEqual([true, '600', '700'])
      chmodSync(dirname(path), 0o755)
      await expect(placeControlSocket(deep, listen)).rejects.toThrow('open to others')
    } finally {
      rmSync(dirname(path), { recursive: true, force: true })
    }
  })
})
