/**
 * Runs the topology over the log: read, process, commit, snapshot (DESIGN "The stream runtime").
 *
 * A commit is: write down where it ends, send its rows, mark it done. While its rows are under way the next is being
 * processed. The log is the changelog: state = snapshot + the records after it, processed through the same commits.
 * Nothing of an input is lost when the warehouse is away: the commit is tried again until it is in.
 */
import type { StoredMessage } from '../schemas/ports/log.ts'
import { RUNNER_LIMITS, type RunnerLimits, type RunnerOptions, type RunnerStatus } from './runner-options.ts'
import { LiveTelling } from './live-telling.ts'
import { PoisonRecords, RecordFailedError } from './poison-records.ts'
import { Topology, type TopologySnapshot } from './topology.ts'
import { NO_OUTPUT, type ReadHistory, type RebuildRequest } from './topology-output.ts'
import type { CommitEntry } from './runtime/commit-store.ts'
import { CommitPace } from './runtime/commit-pace.ts'
import { type Commit, CommitWriter } from './runtime/commit-writer.ts'
import { HeldMessages } from './runtime/held-messages.ts'
import { Patience } from './runtime/patience.ts'
import { patientHistory } from './runtime/patient-history.ts'
import { isAtLeast, ReadableWaiters } from './runtime/readable-waiters.ts'
import { SnapshotSchedule } from './runtime/snapshot-schedule.ts'
import { TaskInputs } from './runtime/task-inputs.ts'
import { WakeUp } from './runtime/wake-up.ts'

/** Version of the rows that a commit writes; part of its token. */
const ROWS_VERSION = 1
/** With nothing to do, the log is looked at this often. */
const IDLE_MS = 1_000

export class Runner {
  readonly #options: RunnerOptions
  readonly #limits: RunnerLimits
  readonly #inputs: TaskInputs
  readonly #patience: Patience
  readonly #writer: CommitWriter
  #topology: Topology
  readonly #held = new HeldMessages()
  #positions: number[]
  #committed: number[]
  #committedVersion = 0
  #committedSequence = 0
  /** The newest commit left windows to be closed. */
  #hasMore = false
  /** A rebuild is to come, or under way: numbers are not those of the records yet. */
  #isRebuildDue = false
  #commit = 0
  readonly #pace: CommitPace
  readonly #schedule: SnapshotSchedule
  #pendingSinceMs: number | undefined
  readonly #live: LiveTelling
  #inFlight: Promise<void> | undefined
  /** When the oldest record of the commit under way was processed. */
  #inFlightSinceMs: number | undefined
  readonly #waiters = new ReadableWaiters()
  readonly #poison: PoisonRecords
  /** Of the time before the first record, for a state that begins anew. */
  readonly #noEventIds: unknown
  #ready = false
  #failure: Error | undefined
  #stopping = false
  #loop: Promise<void> | undefined
  /** Something was appended or finished since the loop last looked. */
  readonly #wakeUp = new WakeUp()
  #unsubscribe: (() => void) | undefined

  constructor(options: RunnerOptions) {
    this.#options = options
    this.#limits = { ...RUNNER_LIMITS, ...options.limits }
    const all = Array.from({ length: options.log.partitions }, (_, partition) => partition)
    this.#inputs = new TaskInputs(options.log, options.local ?? all, options.exchange)
    this.#patience = new Patience({ sleep: options.sleep, onError: options.onError, isStopping: () => this.#stopping })
    this.#poison = new PoisonRecords(this.#limits.setAsideMax)
    this.#writer = new CommitWriter({ ...options, patience: this.#patience })
    this.#noEventIds = structuredClone(options.eventIds?.snapshot())
    this.#live = new LiveTelling(options, this.#limits.liveIntervalMs)
    this.#pace = new CommitPace(options.clock, this.#limits.commitIntervalMs, options.exchange !== undefined)
    this.#schedule = new SnapshotSchedule(options.clock, this.#limits.snapshotRecords)
    this.#topology = this.#newTopology()
    this.#positions = new Array<number>(this.#inputs.count).fill(0)
    this.#committed = [...this.#positions]
  }

  get topology(): Topology {
    return this.#topology
  }

  get status(): RunnerStatus {
    return {
      processed: [...this.#positions],
      committed: [...this.#committed],
      committedVersion: this.#committedVersion,
      sinkError: this.#patience.trouble,
      pendingSinceMs: this.#inFlightSinceMs ?? this.#pendingSinceMs ?? null,
      ready: this.#ready,
      committedSequence: this.#committedSequence,
      failed: this.#failure !== undefined,
      error: this.#failure,
      rebuilding: this.#topology.rebuilding,
    }
  }

  /** Brings the state back to where the last commit left it, sends again what was under way, and goes on from there. Rejects when `stop` comes first. */
  async start(): Promise<void> {
    await this.#recover()
    this.#ready = true
    this.#unsubscribe = this.#inputs.onAppend(() => this.#wakeUp.signal())
    this.#loop = this.#run().catch((error: unknown) => this.#fail(error))
  }

  /** Commits what is processed, writes a snapshot, and ends. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#unsubscribe?.()
    this.#wakeUp.signal()
    await this.#loop
    if (this.#failure === undefined && this.#patience.trouble === null && this.#ready) {
      await this.#commitNow()
      await this.#inFlight
      if (this.#schedule.hasNews) await this.#snapshot()
    }
    this.#waiters.rejectAll(new Error('processing was stopped'))
  }

  /** Resolves when the records before these offsets are readable in the warehouse. */
  waitFor(positions: readonly number[]): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    if (!this.#hasMore && !this.#isRebuildDue && isAtLeast(this.#committed, positions)) return Promise.resolve()
    return this.#waiters.wait(positions)
  }

  async #recover(): Promise<void> {
    const snapshot = await this.#options.snapshots.readNewest()
    if (snapshot) {
      await this.#inputs.refuseShortened(snapshot.positions)
      this.#topology = this.#newTopology(snapshot.state)
      this.#positions = [...snapshot.positions]
      this.#committed = [...snapshot.positions]
      this.#committedVersion = this.#topology.version(this.#positions)
      this.#committedSequence = snapshot.commit
      if (this.#topology.hasPending) this.#makeCommitDue()
      this.#commit = snapshot.commit
    }
    for (const entry of this.#options.commits.after(this.#commit)) {
      if (this.#stopping) throw new Error('processing was stopped while the state was brought back')
      // Where tasks tell one another, what they told stood in a commit's place, which nobody knows any more.
      if (this.#inputs.exchangeIndex !== undefined && entry.sequence !== this.#commit + 1)
        throw new Error(`commits ${this.#commit + 1} to ${entry.sequence - 1} are needed and were deleted`)
      this.#poison.know(entry.skipped ?? [])
      const requests = await this.#processThrough(entry)
      this.#poison.forgetPassed()
      const commit = this.#takeCommit(entry.sequence, requests)
      if (!entry.done) await this.#writer.carryOut(commit)
      this.#commit = entry.sequence
      this.#committedSequence = entry.sequence
      this.#hasMore = commit.hasMore
      this.#committed = [...entry.positions]
      this.#committedVersion = commit.batch.version
      for (const request of requests) await this.#rebuild(request)
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      this.#wakeUp.look()
      const processed = await this.#turn().catch((error: unknown) => this.#setAside(error))
      if (processed === 0) await this.#idle()
      else await new Promise<void>((resolve) => setImmediate(resolve)) // requests get their turn
    }
  }

  /** Processes, tells and commits what is due; returns the number of records. */
  async #turn(): Promise<number> {
    const processed = await this.#processSome()
    this.#live.tell(this.#topology, this.#topology.version(this.#positions), processed >= this.#limits.readRecords)
    if (this.#isCommitDue(processed === 0)) await this.#commitNow()
    // While the warehouse is away a snapshot waits: live numbers go on.
    if (this.#patience.trouble === null && this.#schedule.isDue()) {
      await this.#commitNow()
      await this.#snapshot()
    }
    return processed
  }

  /** Processes at most one read of each partition of the log, and fetches messages; returns the number of records. */
  async #processSome(): Promise<number> {
    let processed = 0
    for (const index of this.#inputs.logIndexes) {
      const messages = await this.#inputs.read(index, this.#positions[index] as number, this.#limits.readRecords)
      for (const message of messages) {
        const request = this.#processOne(message)
        if (request === undefined) continue
        this.#isRebuildDue = true
        await this.#commitNow()
        await this.#inFlight
        await this.#rebuild(request)
      }
      processed += messages.length
    }
    return processed + (await this.#fetchMessages())
  }

  /**
   * A record failed, and the state may hold half of it: brings the state back, after which it is tried again or left out.
   * What a commit has passed once is past: should it fail as the state is brought back, processing stops: its rows are out.
   */
  async #setAside(error: unknown): Promise<number> {
    if (!(error instanceof RecordFailedError)) throw error
    this.#poison.failed(error)
    this.#options.onError('the state is brought back, to try a record again or to leave it out', error)
    await this.#inFlight
    if (this.#failure !== undefined) throw this.#failure
    this.#ready = false
    this.#isRebuildDue = false
    this.#held.takeAll()
    this.#poison.forgetPassed()
    this.#pendingSinceMs = undefined
    this.#commit = 0
    this.#positions.fill(0)
    this.#options.eventIds?.restore(structuredClone(this.#noEventIds))
    this.#topology = this.#newTopology()
    await this.#recover()
    this.#ready = true
    return 1
  }

  async #fetchMessages(): Promise<number> {
    const index = this.#inputs.exchangeIndex
    if (index === undefined || !this.#held.hasRoom) return 0
    const from = (this.#held.lastOffset ?? (this.#positions[index] as number) - 1) + 1
    const messages = await this.#inputs.read(index, from, this.#limits.readRecords)
    if (messages.length > 0) this.#pendingSinceMs ??= this.#options.clock.nowMs()
    this.#held.push(messages)
    return messages.length
  }

  /** Takes messages of other tasks, up to one that asks for a rebuild: the commit ends there. */
  #takeMessages(messages: StoredMessage[]): RebuildRequest[] {
    for (let next = messages.shift(); next !== undefined; next = messages.shift()) {
      const requests = this.#topology.receive(next.value)
      this.#positions[this.#inputs.exchangeIndex as number] = next.offset + 1
      this.#schedule.processed()
      if (requests.length > 0) return requests
    }
    return []
  }

  /** Processes up to the end of a commit, whose rows are out if it is done; returns what is to be rebuilt after it. */
  async #processThrough({ positions, done }: CommitEntry): Promise<RebuildRequest[]> {
    const requests: RebuildRequest[] = []
    for (let index = 0; index < positions.length; index += 1) {
      const end = positions[index] as number
      for await (const messages of this.#inputs.between(index, this.#positions[index] as number, end, this.#limits.readRecords)) {
        if (index === this.#inputs.exchangeIndex) requests.push(...this.#takeMessages(messages))
        else for (const message of messages) requests.push(...[this.#processOne(message)].filter((one) => one !== undefined))
        if (done) this.#topology.forgetRows()
      }
      this.#positions[index] = end
    }
    return requests
  }

  #processOne(message: StoredMessage): RebuildRequest | undefined {
    const request = this.#poison.process(
      message,
      (one) => this.#topology.process(one),
      (one, reason) => this.#topology.leaveOut(one, reason),
    )
    this.#positions[this.#inputs.indexOf(message.partition)] = message.offset + 1
    this.#schedule.processed()
    this.#pendingSinceMs ??= this.#options.clock.nowMs()
    return request
  }

  /** Something reached behind the state: the workspace is built anew from history. Everything before is committed. */
  async #rebuild(request: RebuildRequest): Promise<void> {
    const { workspace } = request
    const history: ReadHistory = (below, from) =>
      patientHistory(() => this.#options.sink.history(workspace, { below, from }, 10_000), this.#patience)
    const id = `${this.#token()}-rebuild-${workspace}`
    let part = 0
    const { rebuilt, again } = await this.#topology.rebuild(request, this.#positions, history, async (output, version) => {
      part += 1
      await this.#writer.write({ ...output, token: `${id}-${part}`, version, staged: { id, part } })
    })
    part += 1
    await this.#writer.write({ ...NO_OUTPUT, token: `${id}-end`, version: rebuilt.version, staged: { id, part }, rebuilt })
    this.#pendingSinceMs ??= this.#options.clock.nowMs()
    this.#schedule.want() // not twice
    if (again !== undefined) await this.#rebuild(again)
    this.#isRebuildDue = false
  }

  #isCommitDue(idle: boolean): boolean {
    if (this.#pendingSinceMs === undefined) return false
    if (this.#topology.pendingRows >= this.#limits.commitRows) return true
    // While one commit is under way the next one gathers, unless it grows too large.
    if (this.#inFlight !== undefined) return false
    return (idle || this.#topology.pendingRows < this.#limits.readRecords) && this.#ageMs() >= this.#pace.intervalMs
  }

  #ageMs(): number {
    const ageMs = this.#options.clock.nowMs() - (this.#pendingSinceMs ?? Number.POSITIVE_INFINITY)
    return ageMs < 0 ? Number.POSITIVE_INFINITY : ageMs // the clock went back: how long it has been nobody knows
  }

  /** Starts a commit of all that is processed, once the one before is in. */
  async #commitNow(): Promise<void> {
    if (this.#pendingSinceMs === undefined) return
    await this.#inFlight
    if (this.#failure) return
    const messages = this.#held.takeAll()
    const requests = this.#takeMessages(messages)
    this.#held.push(messages) // behind a rebuild
    const sequence = this.#commit + 1
    await this.#writer.intend(sequence, this.#positions, this.#poison.passed)
    this.#poison.forgetPassed()
    this.#inFlightSinceMs = this.#pendingSinceMs
    const commit = this.#takeCommit(sequence, requests)
    this.#commit = sequence
    if (requests.length > 0) this.#isRebuildDue = true
    this.#inFlight = this.#finish(commit).catch((error: unknown) => this.#fail(error))
    if (requests.length === 0) return
    await this.#inFlight
    for (const request of requests) await this.#rebuild(request)
    // What the state built anew has to tell the other tasks stands in a commit before it may stand in a snapshot.
    await this.#commitNow()
  }

  async #finish(commit: Commit): Promise<void> {
    await this.#pace.during(() => this.#writer.carryOut(commit))
    this.#committed = [...commit.positions]
    this.#committedSequence = commit.sequence
    this.#hasMore = commit.hasMore
    this.#committedVersion = commit.batch.version
    this.#inFlight = undefined
    this.#inFlightSinceMs = undefined
    if (!commit.hasMore && !this.#isRebuildDue) this.#waiters.resolve(commit.positions)
    this.#wakeUp.signal()
  }

  /** A bug of ours: processing stops, and says so; what is committed stays. */
  #fail(error: unknown): void {
    this.#failure = error instanceof Error ? error : new Error(String(error))
    this.#stopping = true
    this.#options.onError('processing stopped', error)
    this.#waiters.rejectAll(this.#failure)
  }

  #takeCommit(sequence: number, requests: readonly RebuildRequest[] = []): Commit {
    this.#pendingSinceMs = undefined
    const version = this.#topology.version(this.#positions)
    const positions = [...this.#positions]
    const { messages, ...rows } = this.#topology.take(version, sequence, positions)
    const hasMore = this.#topology.hasPending
    if (hasMore) this.#makeCommitDue()
    const note = {
      settlings: this.#topology.settlings,
      hasUnsettled: this.#topology.hasUnsettled || hasMore || requests.length > 0,
      rebuilds: this.#topology.rebuilds + requests.length,
    }
    return { sequence, positions, batch: { ...rows, token: this.#token(), version }, messages, note, hasMore }
  }

  #makeCommitDue(): void {
    this.#pendingSinceMs = this.#options.clock.nowMs() - this.#pace.intervalMs
  }

  #newTopology(from?: TopologySnapshot): Topology {
    const { log, local, decode, eventIds } = this.#options
    return new Topology(log.partitions, { decode, local, eventIds, from, guard: this.#poison.guard })
  }

  /** The rows of a commit are the same whenever it is tried again: so is its token. */
  #token(): string {
    const { local } = this.#options
    return `events-v${ROWS_VERSION}-${local === undefined ? '' : `p${local.join('.')}-`}${this.#positions.join('.')}`
  }

  /** Written while the newest commit goes out, and kept once it is. Without one a restart only takes longer: it is tried again later. */
  async #snapshot(): Promise<void> {
    if (this.#failure !== undefined) return
    const { commits, snapshots, onError } = this.#options
    try {
      if (commits.place !== undefined) await this.#inFlight // a place is behind the mark of the commit
      const where = { commit: this.#commit, positions: [...this.#positions], place: commits.place }
      const written = await this.#schedule.during(() => snapshots.write({ ...where, state: this.#topology.snapshot() }))
      await this.#inFlight
      if (this.#failure === undefined) await written.keep()
      await commits.dropThrough(await snapshots.oldestCommit())
    } catch (error) {
      onError('a snapshot could not be written', error)
    }
  }

  /** Waits for an append, a finished commit, or the moment at which a commit is due. */
  #idle(): Promise<void> {
    const dueMs = Math.min(this.#limits.liveIntervalMs, this.#pace.intervalMs - this.#ageMs())
    return this.#wakeUp.wait(this.#pendingSinceMs === undefined ? IDLE_MS : Math.max(1, dueMs))
  }
}
