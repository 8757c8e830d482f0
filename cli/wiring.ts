/** Which form of the product stands behind the settings: everything in this process, or roles on Kafka and ClickHouse. */
import type { Config } from '../schemas/config.ts'
import { CommandError } from './command-error.ts'
import type { Engine, WiringOptions } from './engine.ts'

/**
 * Opens the whole product that `config` describes. On Kafka it takes its share of the partitions with `processes`, beside
 * other instances; a command that only asks leaves that to them.
 */
export async function openEngine(config: Config, options: WiringOptions & { readonly processes: boolean }): Promise<Engine> {
  if (config.log === 'embedded:') {
    const { openEmbeddedEngine } = await import('./embedded-engine.ts')
    return openEmbeddedEngine(config, options)
  }
  if (config.warehouse === 'chdb:' && !options.processes) {
    throw new CommandError(
      'settings_invalid',
      'a log on Kafka and a warehouse inside one process: the numbers are in that process. Set KAPPA_WAREHOUSE=http://user:password@host:8123/database for all',
    )
  }
  const { openScaledEngine } = await import('./scaled-engine.ts')
  return openScaledEngine(config, { ...options, role: options.processes ? 'all' : 'command', makesStartKeys: options.processes })
}
