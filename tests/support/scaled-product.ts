/** The roles of the built product as processes of their own, on servers that the test has started. */
import { runKappa, type CommandResult } from './kappa-command.ts'
import { type RunningProduct, startProduct } from './running-product.ts'

export const SCALED_KEYS = {
  KAPPA_WRITE_KEY: 'a-write-key-of-the-scaled-form',
  KAPPA_SERVER_KEY: 'a-server-key-of-the-scaled-form',
  KAPPA_READ_KEY: 'a-read-key-of-the-scaled-form',
  KAPPA_ADMIN_KEY: 'an-admin-key-of-the-scaled-form',
} as const

export interface ScaledPlace {
  readonly brokers: readonly string[]
  /** Of the warehouse, with user, password and database. */
  readonly clickhouseUrl: string
  readonly redisUrl?: string
  readonly partitions: number
  /** What the names of its topics begin with. */
  readonly prefix: string
}

export interface ScaledProduct {
  readonly env: Readonly<Record<string, string>>
  /** Starts a role; `data` is a folder of its own when not given. */
  start(role: 'ingest' | 'process' | 'api', data?: string): Promise<RunningProduct>
  /** Runs a command with the settings of the roles. */
  run(args: readonly string[], stdin?: Iterable<Uint8Array>): Promise<CommandResult>
  /** Ends every role that still runs. */
  stop(): Promise<void>
}

/** Runs `kappa migrate`, and gives what starts the roles. Throws with all that it printed when it fails. */
export async function migrateScaled({ brokers, clickhouseUrl, redisUrl, partitions, prefix }: ScaledPlace): Promise<ScaledProduct> {
  const env = {
    ...SCALED_KEYS,
    KAPPA_LOG: `kafka://${brokers.join(',')}?prefix=${prefix}`,
    KAPPA_WAREHOUSE: clickhouseUrl,
    KAPPA_SECRET: 'a secret that all instances of the tests share',
    KAPPA_PARTITIONS: String(partitions),
    KAPPA_READS_PER_MINUTE: '0',
    ...(redisUrl === undefined ? {} : { KAPPA_REDIS: redisUrl }),
  }
  const roles: RunningProduct[] = []
  const product: ScaledProduct = {
    env,
    async start(role, data) {
      const started = await startProduct({ role, env, ...(data === undefined ? {} : { data }) })
      roles.push(started)
      return started
    },
    run: (args, stdin) => runKappa(args, { env, ...(stdin === undefined ? {} : { stdin }) }),
    stop: async () => void (await Promise.all(roles.splice(0).map((role) => role.stop()))),
  }
  const { status, stdout, stderr } = await product.run(['migrate'])
  if (status !== 0) throw new Error(`kappa migrate ended with ${status}: ${stdout}${stderr}`)
  return product
}
