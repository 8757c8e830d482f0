/** `kappa up`: the whole product in one process. */
import process from 'node:process'
import type { Config } from '../schemas/config.ts'
import { openControlSocket } from './control-socket.ts'
import { playDemo } from './demo.ts'
import { createProgressDisplay } from './progress-display.ts'
import { warn } from './trouble-line.ts'
import { openEngine } from './wiring.ts'

/** Runs until SIGINT or SIGTERM; prints where Kappa is, and keys that were just made. */
export async function up(config: Config, { demo, version }: { demo: boolean; version: string }): Promise<void> {
  const progress = createProgressDisplay()
  const onBringingBack = (processed: number, total: number) => {
    const [done, all] = [processed, total].map((records) => records.toLocaleString('en-US'))
    progress.update(processed, total, `bringing the state back: ${done} of ${all} records`)
  }
  // While the engine waits for its parts, what serves it is loaded.
  const [engine, { printNewKeys, serve }] = await Promise.all([
    openEngine(config, { processes: true, onError: warn, onBringingBack }),
    import('./serve.ts'),
  ]).finally(() => progress.stop())
  try {
    await serve({
      engine,
      serves: { ingest: true, reads: true },
      version,
      async onListening(address) {
        const control = await openControlSocket(engine)
        process.stdout.write(`Kappa is at ${address}\n`)
        printNewKeys(engine)
        const stopping = new AbortController()
        const traffic = demo ? playDemo(engine, stopping.signal).catch((error: unknown) => warn('the demo ended', error)) : undefined
        return async () => {
          stopping.abort()
          await traffic
          await control.close()
        }
      },
    })
  } finally {
    await engine.close()
  }
}
