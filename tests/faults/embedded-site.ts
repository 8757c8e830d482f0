/** `kappa up` on its embedded log and warehouse, under load, on a machine that fails on order. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runKappa } from '../support/kappa-command.ts'
import { type RunningProduct, startProduct } from '../support/running-product.ts'
import { EventSender } from './event-sender.ts'
import { eventually, type FaultSite, ImpossibleHere, type SiteSettings } from './fault.ts'
import { createFaultyMachine, type FaultyMachine } from './faulty-machine.ts'
import { createSiteLoad, type SiteLoad } from './site-load.ts'
import { readReadiness, type SiteReadiness } from './site-readiness.ts'

const KEYS = {
  KAPPA_WRITE_KEY: 'a-write-key-of-the-faults',
  KAPPA_SERVER_KEY: 'a-server-key-of-the-faults',
  KAPPA_READ_KEY: 'a-read-key-of-the-faults',
  KAPPA_ADMIN_KEY: 'an-admin-key-of-the-faults',
} as const
const RECOVERY_MS_MAX = 60_000
const LAG_MS_MAX = 5_000
/** Of the clock in which Linux counts CPU. */
const TICK_MS = 10

const execute = promisify(execFile)

export class EmbeddedSite implements FaultSite {
  readonly data: string
  readonly machine: FaultyMachine
  readonly sender: EventSender
  readonly load: SiteLoad
  readonly #folder: string
  readonly #mounted: string | undefined
  #product: RunningProduct | undefined
  #url = ''
  #isNew = false
  #printed = ''

  private constructor(folder: string, library: string, eventsPerSecond: number, mounted: string | undefined) {
    this.#folder = folder
    this.#mounted = mounted
    this.data = join(folder, 'data')
    this.machine = createFaultyMachine(library, join(folder, 'orders'))
    this.sender = new EventSender(() => this.#url, KEYS.KAPPA_SERVER_KEY)
    this.load = createSiteLoad({ url: () => this.#url, key: KEYS.KAPPA_SERVER_KEY, eventsPerSecond })
  }

  /** Starts the product and its load. `library`: the compiled faulty machine. Rejects with ImpossibleHere without the right to mount. */
  static async open(library: string, { eventsPerSecond = 100, smallDisk }: Partial<SiteSettings> = {}): Promise<EmbeddedSite> {
    const folder = await mkdtemp(join(tmpdir(), 'kappa-fault-'))
    let mounted: string | undefined
    if (smallDisk !== undefined) {
      mounted = join(folder, 'data', smallDisk.folder)
      await mkdir(mounted, { recursive: true })
      await execute('mount', ['-t', 'tmpfs', '-o', `size=${smallDisk.megabytes}m`, 'tmpfs', mounted]).catch((error: Error) => {
        throw new ImpossibleHere(`a small disk can't be mounted: ${error.message}`)
      })
    }
    const site = new EmbeddedSite(folder, library, eventsPerSecond, mounted)
    try {
      await site.start()
      site.startLoad()
      return site
    } catch (error) {
      await site.close()
      throw error
    }
  }

  get product(): RunningProduct {
    if (this.#product === undefined) throw new Error('the product does not run')
    return this.#product
  }

  get url(): string {
    return this.#url
  }

  /** The folder with a disk of its own. */
  get smallDisk(): string {
    if (this.#mounted === undefined) throw new Error('the site has no small disk')
    return this.#mounted
  }

  /** Starts the product over its data. Rejects with what it printed when it ends before it listens. */
  async start(): Promise<void> {
    this.#product = await startProduct({ data: this.data, env: { ...KEYS, ...this.machine.env, KAPPA_READS_PER_MINUTE: '0' } })
    this.#url = this.#product.url
    this.#isNew = true
  }

  async kill(): Promise<void> {
    await this.product.kill()
    this.#gone()
  }

  /** Stops it in order (SIGTERM); a snapshot is written. */
  async stop(): Promise<void> {
    await this.product.stop()
    this.#gone()
  }

  /** Resolves when the process has ended by itself. */
  async died(what: string, msMax = 30_000): Promise<void> {
    let isGone = false
    void this.product.ended.then(() => (isGone = true))
    await eventually(what, msMax, async () => isGone || undefined)
    this.#gone()
  }

  #gone(): void {
    this.#printed += this.#product?.printed() ?? ''
    this.#product = undefined
  }

  readiness(): Promise<SiteReadiness> {
    return readReadiness(this.#url)
  }

  async recovered(): Promise<void> {
    await eventually('recovery', RECOVERY_MS_MAX, async () => {
      const { status, notReady, lagMs } = await this.readiness()
      if (status !== 200) throw new Error(notReady.join('; '))
      if (lagMs === null || lagMs > LAG_MS_MAX) throw new Error(`behind by ${lagMs} ms`)
      return true
    })
  }

  async run(...[name = 'status', ...args]: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await runKappa([name, '--data', this.data, ...args])
    // A difference is told in the answer, with status 1.
    if (status !== 0 && !stderr.includes('differ')) throw new Error(`kappa ${name} ended with ${status}: ${stdout}${stderr}`)
    return stdout
  }

  startLoad(): void {
    this.load.start()
  }

  stopLoad(): Promise<void> {
    return this.load.stop()
  }

  async newProcessCpuMs(): Promise<number | undefined> {
    if (!this.#isNew || this.#product?.pid === undefined) return undefined
    this.#isNew = false
    const stat = await readFile(`/proc/${this.#product.pid}/stat`, 'utf8').catch(() => '')
    // The name in parentheses may hold anything; user and system time are the 12th and 13th field after it.
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number)
    return user === undefined || system === undefined ? undefined : (user + system) * TICK_MS
  }

  printed(): string {
    return (this.#printed + (this.#product?.printed() ?? '')).slice(-3_000)
  }

  async close(): Promise<void> {
    // Unanswered sendings end with the process; nobody waits for them.
    const ending = this.load.stop().catch(() => undefined)
    await this.#product?.stop()
    void ending
    if (this.#mounted !== undefined) await execute('umount', ['-l', this.#mounted]).catch(() => undefined)
    await rm(this.#folder, { recursive: true, force: true })
  }
}
