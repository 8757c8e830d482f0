/** The product on machines that share a broker and a warehouse, put together as in `cli/scaled-engine.ts`. */
import { createEventIdMemory } from '../../ingest/dedupe/event-id-memory.ts'
import { forgetCompanions } from '../../ingest/log/forgotten-companions.ts'
import { ClusterProgress } from '../../processors/cluster-progress.ts'
import { Runner } from '../../processors/runner.ts'
import { CommitProgress } from '../../processors/runtime/commit-progress.ts'
import { LogCommitStore } from '../../processors/runtime/log-commit-store.ts'
import { FileSnapshotStore } from '../../processors/runtime/snapshot-store.ts'
import { TaskGroup } from '../../processors/task-group.ts'
import type { TopologySnapshot } from '../../processors/topology.ts'
import type { Sink } from '../../schemas/ports/commit-sink.ts'
import { createGroupedSink } from '../../warehouse/sink/grouped-sink.ts'
import { Machine, type WallClock } from './machine.ts'
import { type Bug, carelessTopic, hopefulCommits, impatientSink, leakySink, unfencedCommits } from './planted-bugs.ts'
import { SIMULATED_ROOT } from './simulated-disk.ts'
import { type Form, reporterOf } from './simulated-form.ts'
import { openSimulatedIngest } from './simulated-ingest.ts'
import { connectTopic, StoredTopic } from './simulated-log.ts'
import { SimulatedGroup } from './simulated-membership.ts'
import type { SimulatedWarehouse } from './simulated-warehouse.ts'
import { StandingCommits } from './standing-commits.ts'
import { watchingLive } from './watched-live.ts'
import type { SimulatedProcess, VirtualWorld } from './virtual-world.ts'

const LIMITS = { readRecords: 17, commitRows: 40, commitIntervalMs: 500, liveIntervalMs: 500, snapshotRecords: 60 }

export class ScaledForm implements Form {
  readonly name = 'scaled'
  readonly machines: readonly Machine[]
  readonly events: StoredTopic
  readonly group: SimulatedGroup
  readonly #world: VirtualWorld
  readonly #warehouse: SimulatedWarehouse
  readonly #bug: Bug | undefined
  readonly #exchange: StoredTopic
  readonly #commits: StoredTopic
  readonly #progress: CommitProgress
  readonly #cluster: ClusterProgress
  readonly #standing: StandingCommits
  readonly #seen: number[]
  #owners = 0

  constructor(world: VirtualWorld, wallClock: WallClock, warehouse: SimulatedWarehouse, bug: Bug | undefined) {
    this.#world = world
    this.#warehouse = warehouse
    this.#bug = bug
    const partitions = world.choices.oneOf([2, 2, 3, 4])
    this.events = new StoredTopic(partitions)
    this.#exchange = new StoredTopic(partitions)
    this.#commits = new StoredTopic(partitions)
    this.#standing = new StandingCommits(this.#commits)
    this.group = new SimulatedGroup(world, partitions)
    this.machines = Array.from(
      { length: world.choices.oneOf([1, 2, 2, 3]) },
      (_, index) => new Machine(world, `machine${index}`, wallClock),
    )
    const topics = this.#topicsOf(world.outside)
    this.#progress = new CommitProgress(topics.commits)
    this.#cluster = new ClusterProgress({ ...topics, progress: this.#progress, sleep: (ms) => world.sleep(world.outside, 4 * ms) })
    this.#seen = new Array<number>(partitions).fill(0)
  }

  async boot(machine: Machine, process: SimulatedProcess): Promise<void> {
    const world = this.#world
    const { clock } = machine
    const sleep = (ms: number) => world.sleep(process, ms)
    const { log, exchange, commits } = this.#topicsOf(process)
    const progress = new CommitProgress(commits)
    const sink = this.#sinkOf(process)
    const onError = reporterOf(world, process)
    const group = new TaskGroup({
      log,
      exchange,
      ownership: this.group.memberOf(process),
      progress,
      clock,
      sleep,
      onError,
      startRunner: async (partition) => {
        this.#owners += 1
        const store = await LogCommitStore.open({ log: commits, partition, owner: `${process.name}-${this.#owners}` })
        const runner = new Runner({
          log,
          exchange,
          local: [partition],
          eventIds: createEventIdMemory(world.choices.bytes),
          sink,
          live: watchingLive(world),
          commits:
            this.#bug === 'ignores the fence'
              ? unfencedCommits(store)
              : this.#bug === 'does not send open commits again'
                ? hopefulCommits(store)
                : store,
          snapshots: new FileSnapshotStore<TopologySnapshot>(`${SIMULATED_ROOT}${machine.name}/state/${partition}`),
          clock,
          sleep,
          onError,
          limits: LIMITS,
        })
        await runner.start()
        return { runner, close: () => store.close() }
      },
    })
    group.start().catch((error: unknown) => onError('the group was left before it was joined', error))
    const cluster = new ClusterProgress({ log, exchange, progress: new CommitProgress(commits), sleep })
    const ingest = await openSimulatedIngest({
      log: forgetCompanions(log),
      clock,
      choices: world.choices,
      kept: this.#warehouse.keptIdsOf(process),
      waitUntilReadable: () => cluster.waitUntilReadable(),
    })
    machine.instance = { ...ingest, stop: () => group.stop() }
  }

  losePower(machine: Machine): void {
    machine.disk.losePower()
  }

  /** The broker goes down and comes back: what it has acknowledged it has. */
  restartBroker(): void {
    if (this.#bug !== 'the broker loses what it acknowledged when it restarts') return
    for (const topic of [this.events, this.#exchange, this.#commits])
      for (const messages of topic.partitions) messages.splice(Math.max(0, messages.length - this.#world.choices.int(3)))
  }

  waitUntilReadable(): Promise<void> {
    return this.#cluster.waitUntilReadable()
  }

  look(): void {
    for (const [partition, before] of this.#seen.entries()) {
      const sequence = this.#progress.of(partition)?.sequence ?? 0
      if (sequence < before) this.#world.violate(`partition ${partition} was at commit ${before} and is at ${sequence}`)
      this.#seen[partition] = sequence
    }
    this.#progress.refresh().catch(() => {})
  }

  #sinkOf(process: SimulatedProcess) {
    const stored = this.#warehouse.sinkOf(process)
    const whole: Sink = {
      ...stored,
      write: (batch) => {
        if (!this.#standing.allow(batch.token)) this.#world.violate(`${process.name} writes ${batch.token}, which is no commit`)
        return stored.write(batch)
      },
    }
    if (this.#bug === 'marks a commit before its rows are in') return createGroupedSink(impatientSink(whole))
    if (this.#bug === 'drops a row in forty') return createGroupedSink(leakySink(whole))
    return createGroupedSink(whole)
  }

  #topicsOf(process: SimulatedProcess) {
    const world = this.#world
    const exchange = connectTopic(world, process, 'exchange', this.#exchange)
    return {
      log: connectTopic(world, process, 'events', this.events),
      exchange: this.#bug === 'takes a lost message for sent' ? carelessTopic(exchange) : exchange,
      commits: connectTopic(world, process, 'commits', this.#commits),
    }
  }
}
