/** Settings: environment, `kappa.config.json` or flag (CONTRACT "Start"). */
import { z } from 'zod'
import { readKafkaPlace } from './kafka-place.ts'

/** `chdb:`, or the address of a ClickHouse server; its password may hold anything that an address can. */
const warehousePlace = z.string().refine((place) => {
  if (place === 'chdb:') return true
  const address = URL.canParse(place) ? new URL(place) : undefined
  return address !== undefined && /^https?:$/.test(address.protocol) && /^\/\w*$/.test(address.pathname) && address.search === ''
}, 'must be chdb: or http(s)://user:password@host:8123/database')

const logPlace = z.string().superRefine((place, context) => {
  const read = place === 'embedded:' ? undefined : readKafkaPlace(place)
  if (typeof read === 'string') context.addIssue({ code: 'custom', message: read })
})

const fixedKey = z.string().min(20, 'must have at least 20 characters').max(200).optional()

export const config = z.strictObject({
  data: z.string().min(1).default('.kappa').describe('Folder under which everything durable lives. KAPPA_DATA, --data'),
  port: z.coerce.number().int().min(0).max(65535).default(5272).describe('HTTP port; 0 takes a free one. KAPPA_PORT, --port'),
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to listen on; other than loopback only with a password. KAPPA_HOST, --host'),
  log: logPlace
    .default('embedded:')
    .describe('Where events go: embedded: or kafka://host:9092,host:9092 of Kafka, which needs a secret. KAPPA_LOG, --log'),
  secret: z
    .string()
    .min(32, 'must have at least 32 characters: openssl rand -hex 32 makes one')
    .max(1_000)
    .optional()
    .describe('Secret that all instances share, under which keys and personal data are hashed; needed with Kafka. KAPPA_SECRET'),
  warehouse: warehousePlace
    .default('chdb:')
    .describe('Where numbers live: chdb: or http(s)://user:password@host:8123/database of ClickHouse. KAPPA_WAREHOUSE, --warehouse'),
  clickhouseCluster: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,100}$/, 'must be the name of a cluster in remote_servers')
    .optional()
    .describe('ClickHouse cluster on which tables are made, replicated. KAPPA_CLICKHOUSE_CLUSTER'),
  redis: z
    .string()
    .regex(/^rediss?:\/\/\S+$/, 'must be redis://host:6379 or rediss://...')
    .optional()
    .describe('Redis that instances share live updates and rate limits through. KAPPA_REDIS'),
  readsPerMinute: z.coerce
    .number()
    .int()
    .min(0)
    .default(600)
    .describe('Reads of one key within a minute; 0 for no limit. KAPPA_READS_PER_MINUTE'),
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
