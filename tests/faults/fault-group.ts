/** Faults that follow one another on one product, each judged before the next. */
import type { FaultResult } from './fault-report.ts'
import { type Fault, type FaultSite, ImpossibleHere } from './fault.ts'
import { isWhole, judge, type Verdict } from './site-oracle.ts'
import type { SiteLoad } from './site-load.ts'

export interface FaultGroup<Site extends JudgedSite> {
  readonly form: FaultResult['form']
  readonly faults: readonly Fault<Site>[]
  readonly open: () => Promise<Site>
}

/** A site of which it is known what was sent. */
export interface JudgedSite extends FaultSite {
  readonly load: Pick<SiteLoad, 'acknowledged'>
}

export interface GroupOptions {
  readonly roundsOf: (fault: Pick<Fault<never>, 'rounds'>) => number
  readonly onResult: (result: FaultResult) => void
}

/** Rounds between judgements of a long run. */
const JUDGE_EVERY = 20

/** Runs the faults of a group; one that fails gets a new site for those after it. Never rejects. */
export async function runGroup<Site extends JudgedSite>(group: FaultGroup<Site>, { roundsOf, onResult }: GroupOptions): Promise<void> {
  let site: Site | undefined
  for (const fault of group.faults) {
    const rounds = roundsOf(fault)
    const recoveryMs: number[] = []
    const recoveryCpuMs: number[] = []
    let verdict: Verdict | undefined
    let note: string | undefined
    let measured: string | undefined
    try {
      site ??= await group.open()
      await site.recovered()
      await site.newProcessCpuMs()
      for (let round = 0; round < rounds; round += 1) {
        const healed = await fault.round(site, round)
        const since = typeof healed === 'number' ? healed : healed.since
        if (typeof healed !== 'number') measured = healed.measured
        await site.recovered()
        recoveryMs.push(performance.now() - since)
        const cpuMs = await site.newProcessCpuMs()
        if (cpuMs !== undefined) recoveryCpuMs.push(cpuMs)
        if ((round + 1) % JUDGE_EVERY !== 0 && round + 1 < rounds) continue
        await site.stopLoad()
        const { sender, load } = site
        const acknowledged = new Set([...load.acknowledged(), ...sender.acknowledged])
        verdict = await judge(site, acknowledged, new Set([...acknowledged, ...sender.sent]))
        if (!isWhole(verdict)) throw new Error(`a promise is broken: ${JSON.stringify(verdict)}`)
        site.startLoad()
      }
    } catch (error) {
      note = error instanceof Error ? error.message : String(error)
      const isImpossible = error instanceof ImpossibleHere
      if (isImpossible) note = `not possible here: ${note}`
      else note += `\n${site?.printed() ?? ''}`
      await site?.close().catch(() => undefined)
      site = undefined
    }
    const survived = recoveryMs.length
    const isImpossible = note?.startsWith('not possible here') ?? false
    const whole = isImpossible || (note === undefined && verdict !== undefined && isWhole(verdict))
    onResult({
      fault: fault.name,
      form: group.form,
      rounds,
      survived,
      recoveryMs,
      recoveryCpuMs,
      verdict,
      isWhole: whole,
      ...(measured === undefined ? {} : { measured }),
      ...(note === undefined ? {} : { note }),
    })
  }
  await site?.close().catch(() => undefined)
}
