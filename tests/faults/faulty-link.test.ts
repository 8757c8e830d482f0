/** What the link does to what passes: without it a fault of the network might be none. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FaultyLink, openFaultyLink } from './faulty-link.ts'

let server: Server
let link: FaultyLink
let asked: string

beforeEach(async () => {
  asked = ''
  server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      asked += chunk.toString()
      socket.write(`answer to ${chunk.toString()}`)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  link = await openFaultyLink((server.address() as AddressInfo).port)
})

afterEach(async () => {
  await link.close()
  server.close()
})

/** Connects, asks, and gives what came until an answer, the end or `ms`. */
async function ask(text: string, ms = 2_000, socket = connect(link.port, '127.0.0.1')): Promise<string> {
  const outcome = await new Promise<string>((resolve) => {
    socket.once('data', (chunk) => resolve(chunk.toString()))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.once('close', () => resolve('closed'))
    setTimeout(() => resolve('nothing'), ms)
    socket.write(text)
  })
  socket.destroy()
  return outcome
}

describe('a link', () => {
  it('passes what is asked and answered while it is open', async () => {
    expect(await ask('a')).toBe('answer to a')
  })

  it('lets what is asked be done, and swallows the answer', async () => {
    link.turn({ kind: 'answerless' })
    expect(await ask('b')).toMatch(/ECONNRESET|closed/)
    expect(asked).toBe('b')
  })

  it('passes nothing while it is silent, and resets what waited when it is open again', async () => {
    const socket: Socket = connect(link.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write('before, ')
    await once(socket, 'data')
    link.turn({ kind: 'silent' })
    let heard = ''
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()))
    socket.write('c')
    await new Promise((done) => setTimeout(done, 100))
    const ended = new Promise((done) => socket.once('close', done))
    link.turn({ kind: 'open' })
    await ended
    expect([asked, heard]).toEqual(['before, ', ''])
    expect(await ask('d')).toBe('answer to d')
  })

  it('refuses, and is slow, in the order in which things came', async () => {
    link.turn({ kind: 'refusing' })
    expect(await ask('e')).toMatch(/ECONNRESET|closed/)
    link.turn({ kind: 'slow', ms: 60 })
    const from = performance.now()
    expect(await ask('f')).toBe('answer to f')
    expect(performance.now() - from).toBeGreaterThan(100)
  })
})
