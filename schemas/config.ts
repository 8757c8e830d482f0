/** Settings: environment, `kappa.config.json` or flag (CONTRACT "Start"). */
import { z } from 'zod'

const fixedKey = z.string().min(20, 'must have at least 20 characters').max(200).optional()

export const config = z.strictObject({
  data: z.string().min(1).default('.kappa').describe('Folder under which everything durable lives. KAPPA_DATA, --data'),
  port: z.coerce.number().int().min(0).max(65535).default(5272).describe('HTTP port; 0 takes a free one. KAPPA_PORT, --port'),
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to listen on; other than loopback only with a password. KAPPA_HOST, --host'),
  log: z
    .string()
    .regex(/^embedded:$/, 'must be embedded:')
    .default('embedded:')
    .describe('Where events go. KAPPA_LOG, --log'),
  warehouse: z
    .string()
    .regex(/^chdb:$/, 'must be chdb:')
    .default('chdb:')
    .describe('Where numbers live. KAPPA_WAREHOUSE, --warehouse'),
  adminPassword: z
    .string()
    .min(12, 'must have at least 12 characters')
    .max(200)
    .optional()
    .describe("The admin's password. KAPPA_ADMIN_PASSWORD"),
  writeKey: fixedKey.describe('Fixes the default workspace’s write key. KAPPA_WRITE_KEY'),
  serverKey: fixedKey.describe('Fixes the server key. KAPPA_SERVER_KEY'),
  readKey: fixedKey.describe('Fixes the read key. KAPPA_READ_KEY'),
  adminKey: fixedKey.describe('Fixes the admin key. KAPPA_ADMIN_KEY'),
  eventMap: z.string().min(1).optional().describe('JSON file that maps events of other SDKs (docs/sdks.md). KAPPA_EVENT_MAP'),
  partitions: z.coerce
    .number()
    .int()
    .min(1)
    .max(1024)
    .default(1)
    .describe('Partitions of a new log; fixed once it exists. KAPPA_PARTITIONS'),
})
export type Config = z.infer<typeof config>

export const KEY_KINDS = ['write', 'server', 'read', 'admin'] as const
export type KeyKind = (typeof KEY_KINDS)[number]

export const DEFAULT_WORKSPACE = 'default'
/** Names that people type and that stand in URLs. */
export const workspaceName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be lower-case letters, digits, - and _, at most 63')
