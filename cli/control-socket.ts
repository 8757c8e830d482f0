/** The control app on its socket: `kappa up` opens it, and so does a command that found nobody else in the data folder. */
import { rm } from 'node:fs/promises'
import { createControlApp } from './control-app.ts'
import type { Engine } from './engine.ts'
import { placeControlSocket } from './socket-place.ts'

export interface ControlSocket {
  /** Stops listening; resolves when the commands under way have their answers. */
  close(): Promise<void>
}

/** Listens for commands on the data folder of the engine, which holds the folder's lock. */
export async function openControlSocket(engine: Engine): Promise<ControlSocket> {
  const app = createControlApp(engine)
  const path = await placeControlSocket(engine.config.data, (at) => app.listen({ path: at }))
  return {
    async close() {
      // First the name, so that no command connects to what is about to go.
      await rm(path, { force: true })
      await app.close()
    },
  }
}
