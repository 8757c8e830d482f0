/** The product on one machine, put together as in `cli/embedded-engine.ts`. */
import { Runner } from '../../processors/runner.ts'
import { FileCommitStore } from '../../processors/runtime/commit-store.ts'
import { decodeOwnRecord } from '../../processors/runtime/decode-record.ts'
import { FileSnapshotStore } from '../../processors/runtime/snapshot-store.ts'
import { Ticker } from '../../processors/ticker.ts'
import type { TopologySnapshot } from '../../processors/topology.ts'
import { LOG_RECORD_VERSION } from '../../schemas/log-records.ts'
import type { Log } from '../../schemas/ports/log.ts'
import { Machine, type WallClock } from './machine.ts'
import { type Bug, forgetfulLog, hopefulCommits, impatientSink, leakySink } from './planted-bugs.ts'
import { SIMULATED_ROOT } from './simulated-disk.ts'
import { openSimulatedIngest } from './simulated-ingest.ts'
import { type EmbeddedDisk, openEmbeddedLog, StoredTopic } from './simulated-log.ts'
import type { SimulatedWarehouse } from './simulated-warehouse.ts'
import { type Form, reporterOf } from './simulated-form.ts'
import { watchingLive } from './watched-live.ts'
import type { SimulatedProcess, VirtualWorld } from './virtual-world.ts'

/** Small, so that a few hundred events make many commits and several snapshots. */
const LIMITS = { readRecords: 17, commitRows: 40, commitIntervalMs: 250, liveIntervalMs: 200, snapshotRecords: 60 }
const TICK_CHECK_MS = 1_000

export class EmbeddedForm implements Form {
  readonly name = 'embedded'
  readonly machines: readonly [Machine]
  readonly events: StoredTopic
  readonly #world: VirtualWorld
  readonly #warehouse: SimulatedWarehouse
  readonly #logDisk: EmbeddedDisk
  readonly #bug: Bug | undefined
  #runner: Runner | undefined
  /** Newest version that a reader was told of. */
  #seenVersion = 0

  constructor(world: VirtualWorld, wallClock: WallClock, warehouse: SimulatedWarehouse, bug: Bug | undefined) {
    this.#world = world
    this.#warehouse = warehouse
    this.#bug = bug
    this.events = new StoredTopic(world.choices.between(1, 3))
    this.#logDisk = { topic: this.events, undo: undefined }
    this.machines = [new Machine(world, 'machine', wallClock)]
  }

  async boot(machine: Machine, process: SimulatedProcess): Promise<void> {
    const world = this.#world
    const warehouse = this.#warehouse
    const { clock } = machine
    const folder = `${SIMULATED_ROOT}${machine.name}`
    const opened = await openEmbeddedLog(world, process, this.#logDisk, {
      answersBeforeSync: this.#bug === 'acknowledges before the log is synced',
    })
    const log = this.#bug === 'forgets the event ids at a restart' ? forgetfulLog(opened) : opened
    const commits = await FileCommitStore.open(`${folder}/commits.log`)
    const whole = warehouse.sinkOf(process)
    const runner = new Runner({
      log,
      sink:
        this.#bug === 'marks a commit before its rows are in'
          ? impatientSink(whole)
          : this.#bug === 'drops a row in forty'
            ? leakySink(whole)
            : whole,
      live: watchingLive(world),
      commits: this.#bug === 'does not send open commits again' ? hopefulCommits(commits) : commits,
      decode: decodeOwnRecord,
      snapshots: new FileSnapshotStore<TopologySnapshot>(`${folder}/state`),
      clock,
      sleep: (ms) => world.sleep(process, ms),
      onError: reporterOf(world, process),
      limits: LIMITS,
    })
    this.#runner = undefined
    await runner.start()
    this.#runner = runner
    await this.#endBrokenImports(runner, log, machine)
    const isStopping = { now: false }
    const ticking = this.#tick(runner, log, machine, process, isStopping)
    const ingest = await openSimulatedIngest({
      log,
      clock,
      choices: world.choices,
      kept: warehouse.keptIdsOf(process),
      waitUntilReadable: () => runner.waitFor(endsOf(log)),
    })
    machine.instance = {
      ...ingest,
      async stop() {
        isStopping.now = true
        await ticking
        await runner.stop().catch((error: unknown) => reporterOf(world, process)('the last commit is left to the next start', error))
        await commits.close()
        await log.close()
      },
    }
  }

  losePower(machine: Machine): void {
    machine.disk.losePower()
    const { undo } = this.#logDisk
    this.#logDisk.undo = undefined
    if (undo !== undefined && this.#world.choices.chance(0.7)) undo()
  }

  async waitUntilReadable(): Promise<void> {
    await this.#runner?.waitFor(this.events.partitions.map((messages) => messages.length))
  }

  look(): void {
    const status = this.#runner?.status
    if (status?.ready !== true || !this.machines[0].isUp) return
    if (status.committedVersion < this.#seenVersion)
      this.#world.violate(`readers had version ${this.#seenVersion} and are told ${status.committedVersion}`)
    this.#seenVersion = status.committedVersion
  }

  async #tick(runner: Runner, log: Log, machine: Machine, process: SimulatedProcess, isStopping: { now: boolean }): Promise<void> {
    const ticker = new Ticker(log, machine.clock, [...this.events.partitions.keys()])
    while (!isStopping.now) {
      await this.#world.sleep(process, TICK_CHECK_MS)
      try {
        if (endsOf(log).every((end, partition) => runner.status.processed[partition] === end)) await ticker.tick(runner.topology)
      } catch {
        this.#world.note(`${process.name} could not tick`)
      }
    }
  }

  /** As the engine does at its start. */
  async #endBrokenImports(runner: Runner, log: Log, { clock }: Machine): Promise<void> {
    await runner.waitFor(endsOf(log))
    for (const topology of runner.topology.workspaces()) {
      for (const importId of topology.windows?.openImports() ?? []) {
        const record = {
          v: LOG_RECORD_VERSION,
          type: 'import_end',
          workspace: topology.workspace,
          received_at: clock.nowMs(),
          import_id: importId,
        }
        const value = Buffer.from(JSON.stringify(record))
        await log.append(Array.from({ length: log.partitions }, (_, partition) => ({ partition, value })))
      }
    }
  }
}

function endsOf(log: Log): number[] {
  return Array.from({ length: log.partitions }, (_, partition) => log.endOffset(partition) as number)
}
