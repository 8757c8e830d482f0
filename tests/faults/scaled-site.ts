/** The roles of the scaled form under load, each server behind a link that fails on order. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunningKafka, startKafka } from '../support/brokers/kafka-broker.ts'
import { type ClickHouseFront, startClickHouseFront } from '../support/clickhouse-front.ts'
import { type RunningRedis, startRedis } from '../support/redis-server.ts'
import type { RunningProduct } from '../support/running-product.ts'
import { migrateScaled, SCALED_KEYS, type ScaledProduct } from '../support/scaled-product.ts'
import { EventSender } from './event-sender.ts'
import { eventually, type FaultSite } from './fault.ts'
import { type FaultyLink, openFaultyLink } from './faulty-link.ts'
import { createSiteLoad, type SiteLoad } from './site-load.ts'
import { readMetric, readReadiness, type SiteReadiness } from './site-readiness.ts'

/** Of the load. */
export const EVENTS_PER_SECOND = 150
/** A process that is gone is missed after its session; what it had is read again. */
const RECOVERY_MS_MAX = 120_000
const LAG_MS_MAX = 5_000
const PARTITIONS = 3
/** `kappa verify` needs a moment in which nothing is under way between tasks, and asks to be run again when it finds none. */
const TRIES_MAX = 3

export interface SiteServers {
  readonly kafka: RunningKafka
  readonly redis: RunningRedis
  readonly front: ClickHouseFront
}

export interface SiteLinks {
  readonly kafka: FaultyLink
  readonly redis: FaultyLink
  readonly clickhouse: FaultyLink
}

const portOf = (url: string) => Number(new URL(url).port)

function behind(url: string, link: FaultyLink): string {
  const there = new URL(url)
  there.port = String(link.port)
  return there.toString()
}

async function closeServers({ kafka, redis, front }: SiteServers, links: SiteLinks): Promise<void> {
  await Promise.all([links.kafka.close(), links.redis.close(), links.clickhouse.close()])
  await Promise.all([front.close(), redis.stop(), kafka.stop()])
}

export class ScaledSite implements FaultSite {
  readonly servers: SiteServers
  readonly links: SiteLinks
  readonly sender: EventSender
  readonly load: SiteLoad
  readonly #product: ScaledProduct
  readonly #folder: string
  #ingest: RunningProduct | undefined
  #api: RunningProduct | undefined
  readonly #processors = new Map<string, RunningProduct>()

  private constructor(folder: string, servers: SiteServers, links: SiteLinks, product: ScaledProduct) {
    this.#folder = folder
    this.servers = servers
    this.links = links
    this.#product = product
    const url = () => this.#ingest?.url ?? ''
    this.sender = new EventSender(url, SCALED_KEYS.KAPPA_SERVER_KEY)
    this.load = createSiteLoad({ url, key: SCALED_KEYS.KAPPA_SERVER_KEY, eventsPerSecond: EVENTS_PER_SECOND })
  }

  /** Starts servers, links, an `ingest`, an `api` and two processors, `one` and `two`, and the load. */
  static async open(): Promise<ScaledSite> {
    const folder = await mkdtemp(join(tmpdir(), 'kappa-fault-'))
    let kafkaLink: FaultyLink | undefined
    const advertisedPort = async (port: number) => {
      kafkaLink = await openFaultyLink(port)
      return kafkaLink.port
    }
    const [kafka, redis, front] = await Promise.all([startKafka({ version: '3.9', advertisedPort }), startRedis(), startClickHouseFront()])
    const links: SiteLinks = {
      kafka: kafkaLink as FaultyLink,
      redis: await openFaultyLink(portOf(redis.url)),
      clickhouse: await openFaultyLink(portOf(front.url())),
    }
    const servers: SiteServers = { kafka, redis, front }
    let product: ScaledProduct
    try {
      product = await migrateScaled({
        brokers: [`127.0.0.1:${links.kafka.port}`],
        clickhouseUrl: behind(front.url(), links.clickhouse),
        redisUrl: behind(redis.url, links.redis),
        partitions: PARTITIONS,
        prefix: 'faults',
      })
    } catch (error) {
      await closeServers(servers, links)
      throw error
    }
    const site = new ScaledSite(folder, servers, links, product)
    try {
      await Promise.all([site.#startOthers(), site.startProcessor('one'), site.startProcessor('two')])
      site.startLoad()
      return site
    } catch (error) {
      await site.close()
      throw error
    }
  }

  async #startOthers(): Promise<void> {
    ;[this.#ingest, this.#api] = await Promise.all([
      this.#product.start('ingest', join(this.#folder, 'ingest')),
      this.#product.start('api', join(this.#folder, 'api')),
    ])
  }

  /** Starts a processor, over the data that one of this name left. */
  async startProcessor(name: string): Promise<void> {
    this.#processors.set(name, await this.#product.start('process', join(this.#folder, name)))
  }

  /** Takes a processor out of the site; it is for the caller to end it. */
  takeProcessor(name: string): RunningProduct {
    const processor = this.processor(name)
    this.#processors.delete(name)
    return processor
  }

  putProcessor(name: string, processor: RunningProduct): void {
    this.#processors.set(name, processor)
  }

  processor(name: string): RunningProduct {
    const found = this.#processors.get(name)
    if (found === undefined) throw new Error(`there is no processor ${name}`)
    return found
  }

  /** Of `ingest`, which is to go on whatever happens to all but the log. */
  ingestReadiness(): Promise<SiteReadiness> {
    return readReadiness(this.#ingest?.url ?? '')
  }

  readiness(): Promise<SiteReadiness> {
    return readReadiness(this.#api?.url ?? '')
  }

  /** Records in the log that are not readable yet. */
  lagRecords(): Promise<number> {
    return readMetric(this.#api?.url ?? '', 'kappa_sink_lag_records')
  }

  /** Of every role that the site has at the moment. */
  async #allReady(): Promise<true> {
    for (const role of [this.#ingest, ...this.#processors.values()]) {
      const { status, notReady } = await readReadiness(role?.url ?? '')
      if (status !== 200) throw new Error(notReady.join('; '))
    }
    const { status, notReady, lagMs } = await this.readiness()
    if (status !== 200) throw new Error(notReady.join('; '))
    if (lagMs === null || lagMs > LAG_MS_MAX) throw new Error(`behind by ${lagMs} ms`)
    return true
  }

  async recovered(): Promise<void> {
    await eventually('recovery', RECOVERY_MS_MAX, () => this.#allReady())
  }

  async run(...args: readonly string[]): Promise<string> {
    for (let tries = 1; ; tries += 1) {
      const { status, stdout, stderr } = await this.#product.run(args)
      // A difference is told in the answer, with status 1.
      if (status === 0 || stderr.includes('differ')) return stdout
      const mayPass = stderr.includes('run kappa verify again') && tries < TRIES_MAX
      if (!mayPass) throw new Error(`kappa ${args[0]} ended with ${status}: ${stdout}${stderr}`)
    }
  }

  startLoad(): void {
    this.load.start()
  }

  stopLoad(): Promise<void> {
    return this.load.stop()
  }

  async newProcessCpuMs(): Promise<undefined> {
    return undefined
  }

  printed(): string {
    const roles = [this.#ingest, this.#api, ...this.#processors.values()]
    return roles.map((role) => role?.printed().slice(-1_000) ?? '').join('\n')
  }

  async close(): Promise<void> {
    void this.load.stop().catch(() => undefined)
    const { redis, front } = this.servers
    front.thaw()
    redis.thaw()
    for (const processor of this.#processors.values()) processor.thaw()
    await this.#product.stop()
    await closeServers(this.servers, this.links)
    await rm(this.#folder, { recursive: true, force: true })
  }
}
