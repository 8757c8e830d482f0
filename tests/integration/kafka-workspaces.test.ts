/** Workspaces and keys through a topic of a real broker, reached by an address as KAPPA_LOG takes it. */
import { randomBytes, randomUUID } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type LogPlace, logPlace } from '../../cli/log-place.ts'
import { openLogRegistry } from '../../ingest/keys/log-registry.ts'
import { openKafkaLog } from '../../ingest/log/kafka.ts'
import { KAFKA_LOGIN, type RunningKafka, startKafka } from '../support/brokers/kafka-broker.ts'
import { KAFKA_VERSIONS } from '../support/brokers/kafka-jars.ts'

const TOPIC_CONFIG = 2

describe.each(KAFKA_VERSIONS)('Kafka %s', (version) => {
  let kafka: RunningKafka
  beforeAll(async () => {
    kafka = await startKafka({ version })
  })
  afterAll(() => kafka.stop())

  async function open({ prefix, ...place }: LogPlace, makesStartKeys = false) {
    const log = await openKafkaLog({
      ...place,
      clientId: 'kappa-test',
      topic: `${prefix}-workspaces`,
      partitions: 1,
      retentionMs: -1,
      groupId: `${prefix}-workspaces`,
      nowMs: () => Date.now(),
      onTrouble: () => {},
    })
    onTestFinished(() => log.close())
    const registry = await openLogRegistry({
      log,
      secret: 'the-secret-that-all-instances-share',
      makesStartKeys,
      randomBytes,
      clock: { nowMs: () => Date.now() },
      fixedKeys: { write: 'a-fixed-write-key-for-containers' },
      onTrouble: (message, cause) => {
        throw new Error(message, { cause })
      },
    })
    onTestFinished(() => registry.close())
    return registry
  }

  it('hold on all instances within five seconds, and are kept for ever', async () => {
    // Percent-encoded beyond need: it must come out as it is.
    const password = [...Buffer.from(KAFKA_LOGIN.password)].map((byte) => `%${byte.toString(16)}`).join('')
    const address = `kafka://${KAFKA_LOGIN.username}:${password}@${kafka.saslBrokers.join(',')}?sasl=plain&prefix=t-${randomUUID()}`
    const place = logPlace({ log: address })
    if (place === undefined) throw new Error('no place')
    const [settled, role, other] = await Promise.all([open(place, true), open(place), open(place)])
    expect(settled.newSecrets.map(({ kind }) => kind)).toEqual(['server', 'read', 'admin'])
    await role.create('shop')
    const { info, secret } = await role.createKey('shop', 'server')
    for (const registry of [settled, other]) await vi.waitFor(() => expect(registry.authenticate(secret)?.keyId).toBe(info.id), 5_000)
    await other.revokeKey(info.id)
    for (const registry of [settled, role]) await vi.waitFor(() => expect(registry.authenticate(secret)).toBeUndefined(), 5_000)
    const later = await open(place)
    for (const registry of [settled, role, other]) {
      await vi.waitFor(() => expect(registry.listKeys()).toEqual(later.listKeys()), 5_000)
      expect(registry.authenticate('a-fixed-write-key-for-containers')?.kind).toBe('write')
    }

    const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin()
    onTestFinished(() => admin.disconnect())
    await admin.connect()
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: TOPIC_CONFIG, name: `${place.prefix}-workspaces`, configNames: ['retention.ms', 'retention.bytes'] }],
    })
    expect(resources[0]?.configEntries.map(({ configValue }) => configValue)).toEqual(['-1', '-1'])
  })
})
