/**
 * `npm run faults`: real faults on the built product, each followed by the judge of site-oracle.ts. One or two rounds each;
 * `--full` for the long run. `--only TEXT` takes the faults with that in their name or form, `--rounds N` as many rounds of each,
 * `--out FILE` writes the table. Exit status 1 when a promise was broken.
 */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { CLOCK_FAULTS } from './clock-faults.ts'
import { DAMAGE_FAULTS } from './damage-faults.ts'
import { SMALL_DISK_FAULTS, SYNC_FAULTS } from './disk-faults.ts'
import { EmbeddedSite } from './embedded-site.ts'
import { compileFaultyMachine } from './faulty-machine.ts'
import { type FaultGroup, type JudgedSite, runGroup } from './fault-group.ts'
import { type FaultResult, resultLine, writeResults } from './fault-report.ts'
import type { Fault, SiteSettings } from './fault.ts'
import { KILL_FAULTS } from './kill-faults.ts'
import { LINK_FAULTS } from './link-faults.ts'
import { ScaledSite } from './scaled-site.ts'
import { SERVER_FAULTS } from './server-faults.ts'
import { TRAFFIC_FAULTS } from './traffic-faults.ts'

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string' },
    out: { type: 'string' },
  },
})
const print = (line: string) => void process.stdout.write(`${line}\n`)
const folder = await mkdtemp(join(tmpdir(), 'kappa-faults-'))
const library = await compileFaultyMachine(folder)

function embedded(faults: readonly Fault<EmbeddedSite>[], settings: Partial<SiteSettings> = {}): FaultGroup<EmbeddedSite> {
  return { form: 'embedded', faults, open: () => EmbeddedSite.open(library, settings) }
}

/** None: the fault takes too long for the short run. */
function roundsOf({ rounds }: Pick<Fault<never>, 'rounds'>): number {
  return values.rounds === undefined ? (values.full ? rounds.full : rounds.short) : Number(values.rounds)
}

/** What the short run leaves out in one of the forms. */
function inFullRun<Site extends JudgedSite>(fault: Fault<Site>): Fault<Site> {
  return { ...fault, rounds: { ...fault.rounds, short: 0 } }
}

/** Runs those faults of the group that were asked for. */
async function run<Site extends JudgedSite>(group: FaultGroup<Site>): Promise<void> {
  const isAsked = ({ name }: Fault<Site>) => values.only.length === 0 || values.only.some((text) => `${group.form} ${name}`.includes(text))
  await runGroup(
    { ...group, faults: group.faults.filter((fault) => isAsked(fault) && roundsOf(fault) > 0) },
    {
      roundsOf,
      onResult(result) {
        results.push(result)
        saved = saved.then(save)
        print(resultLine(result))
        if (!result.isWhole) print(result.note ?? '')
      },
    },
  )
}

const results: FaultResult[] = []
let saved = Promise.resolve()

/** After every fault, so that a long run that is cut off leaves what it found. */
async function save(): Promise<void> {
  if (values.out === undefined) return
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  await writeResults(resolve(values.out), commit, `npm run faults -- ${process.argv.slice(2).join(' ')}`.trim(), results)
}

const startedAt = performance.now()
print(`${' '.repeat(16)}${'fault'.padEnd(58)}  rounds  p50 s   p95 s   max s`)
/** Both forms at once in the short run; one after the other where times count. */
async function runEmbedded(): Promise<void> {
  await run(embedded([...KILL_FAULTS, ...DAMAGE_FAULTS, ...SYNC_FAULTS, ...TRAFFIC_FAULTS, ...CLOCK_FAULTS]))
  for (const { fault, settings } of SMALL_DISK_FAULTS) await run(embedded([fault], settings))
}
const runScaled = () =>
  run({ form: 'scaled', faults: [...SERVER_FAULTS, ...LINK_FAULTS, ...TRAFFIC_FAULTS.map(inFullRun)], open: () => ScaledSite.open() })
if (values.full) {
  await runEmbedded()
  await runScaled()
} else await Promise.all([runEmbedded(), runScaled()])
await rm(folder, { recursive: true, force: true })

const broken = results.filter(({ isWhole }) => !isWhole)
print(`${results.length - broken.length} passed, ${broken.length} failed (${Math.round((performance.now() - startedAt) / 1_000)} s)`)
await saved
// A client that still tries to reach a product that failed must not keep the run alive.
process.exit(broken.length === 0 && results.length > 0 ? 0 : 1)
