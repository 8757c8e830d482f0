/** A TCP proxy between the product and a server, which can be slow, silent or rude in the ways that networks are. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type LinkMode =
  | { readonly kind: 'open' }
  /** Everything comes so much later, in both directions. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Connections stand, and nothing passes any more: what a cable that was pulled, or a router that forgot, looks like. */
  | { readonly kind: 'silent' }
  /** Connections are reset, new ones as well. */
  | { readonly kind: 'refusing' }
  /** What was asked is done, and the connection is reset before the answer. */
  | { readonly kind: 'answerless' }

export interface FaultyLink {
  readonly port: number
  /** From now on; `open` lets new connections through, and those that were silent are reset. */
  turn(mode: LinkMode): void
  /** Resets the connections that stand. */
  reset(): void
  close(): Promise<void>
}

class Link {
  mode: LinkMode = { kind: 'open' }
  readonly #sockets = new Set<Socket>()
  readonly #target: number

  constructor(target: number) {
    this.#target = target
  }

  accept(client: Socket): void {
    if (this.mode.kind === 'refusing') {
      client.resetAndDestroy()
      return
    }
    const server = connect(this.#target, '127.0.0.1')
    const pair = [client, server]
    const end = () => {
      for (const socket of pair) {
        socket.destroy()
        this.#sockets.delete(socket)
      }
    }
    for (const socket of pair) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.once('error', end).once('close', end)
    }
    this.#pass(client, server, false)
    this.#pass(server, client, true)
  }

  #pass(from: Socket, to: Socket, isAnswer: boolean): void {
    let before = Promise.resolve()
    from.on('data', (chunk: Buffer) => {
      const { mode } = this
      if (mode.kind === 'silent') return
      if (mode.kind === 'answerless' && isAnswer) {
        to.resetAndDestroy()
        return
      }
      const delay = mode.kind === 'slow' ? new Promise<void>((resolve) => setTimeout(resolve, mode.ms)) : undefined
      // In order, whatever the mode was when the one before came.
      before = before.then(async () => {
        await delay
        if (to.writable && !to.write(chunk)) {
          from.pause()
          to.once('drain', () => from.resume())
        }
      })
    })
  }

  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }
}

/** Listens on a free port of loopback for connections to the port `target`. */
export async function openFaultyLink(target: number): Promise<FaultyLink> {
  const link = new Link(target)
  const server = createServer((client) => link.accept(client)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    turn(mode) {
      const wasSilent = link.mode.kind === 'silent'
      link.mode = mode
      if (wasSilent || mode.kind === 'refusing') link.reset()
    },
    reset: () => link.reset(),
    async close() {
      link.reset()
      server.close()
      await once(server, 'close')
    },
  }
}
