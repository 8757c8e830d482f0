/** Apache Kafka for tests: one node in KRaft mode on loopback, in a process and a data folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { kafkaJars, type KafkaVersion } from './kafka-jars.ts'

const READY_MS_MAX = 90_000
const STOP_MS_MAX = 30_000
/** Any 16 bytes in base64url. */
const CLUSTER_ID = 'a2FwcGEtdGVzdHMtMDAwMA'

/** Who may come in through the second listener. */
export const KAFKA_LOGIN = { mechanism: 'plain', username: 'kappa', password: 'a-test' } as const

export interface RunningKafka {
  readonly brokers: readonly string[]
  /** The same broker for clients that log in as KAFKA_LOGIN. */
  readonly saslBrokers: readonly string[]
  /** Ends the broker in order and removes its data. */
  stop(): Promise<void>
  /** Ends the broker as a power cut would (SIGKILL); its data stay. */
  kill(): Promise<void>
  /** Holds the broker still (SIGSTOP), as a long pause of its machine would, until `resume`. */
  pause(): void
  resume(): void
  /** Starts it again, unless it runs, over the same data and at the same address; resolves when it answers. */
  restart(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

function properties(port: number, advertisedPort: number, saslPort: number, controllerPort: number, folder: string): string {
  const { username, password } = KAFKA_LOGIN
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},SASL_PLAINTEXT://127.0.0.1:${saslPort},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${advertisedPort},SASL_PLAINTEXT://127.0.0.1:${saslPort}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms=PLAIN',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\',
    `  user_${username}="${password}";`,
    `log.dirs=${join(folder, 'data')}`,
    'num.partitions=1',
    'auto.create.topics.enable=false',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=4',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    // A broker that was killed comes back only when its old registration has run out.
    'broker.session.timeout.ms=1500',
    'broker.heartbeat.interval.ms=300',
    'group.min.session.timeout.ms=1000',
    'log.cleaner.dedupe.buffer.size=8388608',
    'num.network.threads=2',
    'num.io.threads=4',
    '',
  ].join('\n')
}

const LOG4J = [
  'log4j.rootLogger=WARN, out',
  'log4j.appender.out=org.apache.log4j.ConsoleAppender',
  'log4j.appender.out.layout=org.apache.log4j.SimpleLayout',
  '',
].join('\n')
const LOG4J2 = [
  'rootLogger.level=warn',
  'rootLogger.appenderRef.out.ref=out',
  'appender.out.type=Console',
  'appender.out.name=out',
  '',
].join('\n')

class Broker implements RunningKafka {
  readonly brokers: readonly string[]
  readonly saslBrokers: readonly string[]
  readonly #port: number
  readonly #saslPort: number
  readonly #folder: string
  readonly #jars: string
  #process: ChildProcess | undefined
  #printed = ''

  constructor(port: number, saslPort: number, folder: string, jars: string) {
    this.brokers = [`127.0.0.1:${port}`]
    this.saslBrokers = [`127.0.0.1:${saslPort}`]
    this.#port = port
    this.#saslPort = saslPort
    this.#folder = folder
    this.#jars = jars
  }

  #java(main: string, ...args: string[]): ChildProcess {
    const child = spawn(
      'java',
      [
        '-Xmx512m',
        '-Xms128m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        `-Dlog4j.configuration=file:${join(this.#folder, 'log4j.properties')}`,
        `-Dlog4j2.configurationFile=${join(this.#folder, 'log4j2.properties')}`,
        '-cp',
        join(this.#jars, '*'),
        main,
        ...args,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const keep = (chunk: Buffer) => {
      this.#printed = (this.#printed + chunk.toString()).slice(-20_000)
    }
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
    return child
  }

  async format(controllerPort: number, advertisedPort: number): Promise<void> {
    const config = join(this.#folder, 'server.properties')
    await writeFile(config, properties(this.#port, advertisedPort, this.#saslPort, controllerPort, this.#folder))
    await writeFile(join(this.#folder, 'log4j.properties'), LOG4J)
    await writeFile(join(this.#folder, 'log4j2.properties'), LOG4J2)
    const child = this.#java('kafka.tools.StorageTool', 'format', '--cluster-id', CLUSTER_ID, '--config', config)
    const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
    if (code !== 0) throw new Error(`Kafka's storage could not be formatted (${code}):\n${this.#printed}`)
  }

  async restart(): Promise<void> {
    if (this.#process !== undefined) return
    const child = this.#java('kafka.Kafka', join(this.#folder, 'server.properties'))
    this.#process = child
    // A test run that is ended must not leave a broker behind.
    const orphan = () => child.kill('SIGKILL')
    process.once('exit', orphan)
    child.once('close', () => process.removeListener('exit', orphan))
    const startedAt = performance.now()
    while (!(await this.#answers())) {
      if (child.exitCode !== null || child.signalCode !== null || performance.now() - startedAt > READY_MS_MAX) {
        child.kill('SIGKILL')
        throw new Error(`Kafka did not start within ${READY_MS_MAX} ms:\n${this.#printed}`)
      }
      await sleep(100)
    }
  }

  /** Whether the broker is registered and takes requests of clients, not only connections. */
  async #answers(): Promise<boolean> {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(this.#port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (!open) return false
    const admin = new Kafka({ brokers: [...this.brokers], logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin()
    try {
      await admin.connect()
      return (await admin.describeCluster()).brokers.length === 1
    } catch {
      return false
    } finally {
      await admin.disconnect()
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process
    if (child === undefined) return
    this.#process = undefined
    if (child.exitCode !== null || child.signalCode !== null) return
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
    child.kill(signal)
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
    await closed
    clearTimeout(force)
  }

  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/**
 * Starts a broker of a version on free ports; resolves when it answers clients. The data are gone after `stop`. `advertisedPort`
 * gives the port under which clients are told to reach it, for one behind a link: called with the port on which it listens.
 */
export async function startKafka(options: {
  readonly version: KafkaVersion
  readonly advertisedPort?: (port: number) => Promise<number>
}): Promise<RunningKafka> {
  const { version, advertisedPort } = options
  const jars = await kafkaJars(version)
  const folder = await mkdtemp(join(tmpdir(), 'kappa-kafka-'))
  const port = await freePort()
  const broker = new Broker(port, await freePort(), folder, jars)
  try {
    await broker.format(await freePort(), (await advertisedPort?.(port)) ?? port)
    await broker.restart()
    return broker
  } catch (cause) {
    await broker.stop()
    throw cause
  }
}
