/**
 * kafkajs 2.2.4, and the only file that imports it. The package is no longer maintained, so it is pinned and used for
 * what it does well: the wire protocol, the brokers of a cluster, and producing. Its consumer is not used at all. That
 * one knows no reading without a group, stops for good on a TypeError, can't be told to wait before it gives partitions
 * away, and may commit for partitions it has lost (kafkajs 1046). `kafka-reader.ts` and `kafka-membership.ts` stand on
 * `Broker` instead, whose types are part of the package's interface.
 */
import { type Admin, AssignerProtocol, type Broker, type Cluster, CompressionTypes, Kafka, logLevel, type Producer } from 'kafkajs'
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js'
import { LogCorruptError, LogUnavailableError } from '../../schemas/ports/log.ts'

/** Where the cluster is and how to talk to it. */
export interface KafkaSettings {
  /** `host:port` of some brokers; the others are learned from them. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** Plain text without it. `ca` in PEM where the system's roots don't know the brokers' certificates. */
  readonly ssl?: true | { readonly ca: string }
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  }
}

/** One record as the protocol gives it. `value` is a view on the bytes of its whole batch. */
export interface FetchedRecord {
  readonly offset: string
  readonly value: Buffer | null
  readonly isControlRecord: boolean
  readonly key: Buffer | null
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean }
}

export interface FetchedPartition {
  readonly partition: number
  readonly highWatermark: string
  /** Records from here on belong to a transaction that is not settled. */
  readonly lastStableOffset?: string
  readonly abortedTransactions?: readonly { readonly producerId: string; readonly firstOffset: string }[]
  readonly messages: readonly FetchedRecord[]
}

interface GroupMember {
  readonly memberId: string
  readonly memberMetadata: Buffer
}

/** What the package's own types leave out or leave open of its `Broker`. */
export type KafkaBroker = Omit<Broker, 'fetch'> & {
  fetch(request: Parameters<Broker['fetch']>[0]): Promise<{ responses: { topicName: string; partitions: FetchedPartition[] }[] }>
  joinGroup(request: {
    groupId: string
    memberId: string
    sessionTimeout: number
    rebalanceTimeout: number
    groupProtocols: { name: string; metadata: Buffer }[]
  }): Promise<{ generationId: number; leaderId: string; memberId: string; members: GroupMember[] }>
  syncGroup(request: {
    groupId: string
    generationId: number
    memberId: string
    groupAssignment: { memberId: string; memberAssignment: Buffer }[]
  }): Promise<{ memberAssignment: Buffer }>
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>
}

export type KafkaCluster = Cluster
export type KafkaProducer = Pick<Producer, 'send' | 'disconnect'>

const CONNECT_MS_MAX = 2_000
const REQUEST_MS_MAX = 10_000
/** A trouble is reported or gone round after about a second: waiting longer is the caller's business. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 3 }

// As shipped it arms a timer of a millisecond again and again on every connection that was ever used (kafkajs 1751).
const schedule = RequestQueue.prototype.scheduleCheckPendingRequests
RequestQueue.prototype.scheduleCheckPendingRequests = function onlyWhenSomethingWaits(this: RequestQueue) {
  if (this.pending.length > 0) schedule.call(this)
}

/** Any trouble with the brokers, also one of kafkajs' own bugs, as the port's error; the port's errors as they are. */
export function asLogError(what: string, cause: unknown): Error {
  if (cause instanceof LogUnavailableError || cause instanceof LogCorruptError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new LogUnavailableError(`${what}: ${reason}`, { cause })
}

/** Name of the protocol's error (`ILLEGAL_GENERATION`), also below kafkajs' own wrapping; '' when it is none. */
export function protocolErrorOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('type' in at && typeof at.type === 'string') return at.type
  }
  return ''
}

/** Errors that are a broker's proper answer: the connection is as good as before, and others may be using it. */
const ANSWERS = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID', 'OFFSET_OUT_OF_RANGE'])

/** A cluster connection that is made when it is needed and thrown away after trouble, so that none sticks to it. */
export class KafkaSession {
  readonly #create: () => Cluster
  readonly #topic: string
  #cluster: Promise<Cluster> | undefined
  #closed = false

  constructor(create: () => Cluster, topic: string) {
    this.#create = create
    this.#topic = topic
  }

  /** @throws what `work` throws; LogUnavailableError when the cluster can't be reached. */
  async use<T>(work: (cluster: Cluster) => Promise<T>): Promise<T> {
    if (this.#closed) throw new LogUnavailableError('the log is closed')
    this.#cluster ??= this.#connect()
    const used = this.#cluster
    try {
      return await work(await used)
    } catch (error) {
      if (ANSWERS.has(protocolErrorOf(error))) throw error
      if (this.#cluster === used) this.#cluster = undefined
      this.#discard(used)
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const used = this.#cluster
    this.#cluster = undefined
    if (used !== undefined) await used.then((cluster) => cluster.disconnect()).catch(() => {})
  }

  async #connect(): Promise<Cluster> {
    const cluster = this.#create()
    try {
      await cluster.connect()
      await cluster.addMultipleTargetTopics([this.#topic])
      return cluster
    } catch (cause) {
      this.#discard(Promise.resolve(cluster))
      throw asLogError('the brokers can not be reached', cause)
    }
  }

  #discard(used: Promise<Cluster>): void {
    used.then((cluster) => cluster.disconnect()).catch(() => {}) // it is broken: nothing depends on how it ends
  }
}

/** Opens connections to one cluster. */
export class KafkaClient {
  readonly #kafka: Kafka

  constructor(settings: KafkaSettings) {
    const { brokers, clientId, ssl, sasl } = settings
    this.#kafka = new Kafka({
      brokers: [...brokers],
      clientId,
      connectionTimeout: CONNECT_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      retry: RETRY,
      // Every error reaches a caller here, who says it in its own words.
      logLevel: logLevel.NOTHING,
      ...(ssl === undefined ? {} : { ssl: ssl === true ? true : { ca: [ssl.ca] } }),
      ...(sasl === undefined ? {} : { sasl: saslOf(sasl) }),
    })
  }

  /** Runs `work` on an administration connection of its own. @throws LogUnavailableError when the cluster can't be reached. */
  async administer<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#kafka.admin()
    try {
      await admin.connect()
      return await work(admin)
    } catch (cause) {
      throw asLogError('the brokers did not answer', cause)
    } finally {
      await admin.disconnect().catch(() => {})
    }
  }

  /** An idempotent producer with an identity of its own, connected. */
  async producer(): Promise<KafkaProducer> {
    const producer = this.#kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      createPartitioner: () => (message) => message.message.partition ?? 0,
    })
    try {
      await producer.connect()
      return producer
    } catch (cause) {
      await producer.disconnect().catch(() => {})
      throw cause
    }
  }

  /** A connection to the brokers of `topic` for fetching or for group membership. It reads committed records only. */
  session(topic: string): KafkaSession {
    return new KafkaSession(() => this.#cluster(), topic)
  }

  /** kafkajs hands its cluster to assigners, which is the one way of its interface to get at it. */
  #cluster(): Cluster {
    let given: Cluster | undefined
    this.#kafka.consumer({
      groupId: 'never-joined',
      allowAutoTopicCreation: false,
      partitionAssigners: [
        ({ cluster }) => {
          given = cluster
          return { name: 'none', version: 0, assign: async () => [], protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }) }
        },
      ],
    })
    if (given === undefined) throw new Error('kafkajs gave no cluster')
    return given
  }
}

function saslOf({ mechanism, username, password }: NonNullable<KafkaSettings['sasl']>) {
  if (mechanism === 'plain') return { mechanism, username, password }
  return mechanism === 'scram-sha-256' ? { mechanism, username, password } : { mechanism, username, password }
}

/** Forms of the group protocol: what a member says when it joins, and what it is given. */
export const { MemberAssignment, MemberMetadata } = AssignerProtocol
export const { GZIP, None: NO_COMPRESSION } = CompressionTypes
