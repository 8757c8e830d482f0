/** The process is killed, at random moments and at named points of a commit, a snapshot, an append and a recovery, or held still. */
import type { EmbeddedSite } from './embedded-site.ts'
import { type Fault, mustHold } from './fault.ts'
import type { KillPoint } from './faulty-machine.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Long enough for a few commits, none of them at the same place. */
const RANDOM_MS = { least: 150, most: 1_500 }
const FROZEN_MS = 3_000

const ROWS = { call: 'unlink', moment: 'before', path: 'incoming-blocks' } as const satisfies KillPoint

/** Points that the running product passes by itself. */
const RUNNING_POINTS: Readonly<Record<string, KillPoint>> = {
  'before an intent is written': { call: 'write', moment: 'before', path: 'commits.log', text: '"intend"' },
  'with half an intent written': { call: 'write', moment: 'half-way', path: 'commits.log', text: '"intend"' },
  'with an intent written': { call: 'write', moment: 'after', path: 'commits.log', text: '"intend"' },
  'with an intent on disk': { call: 'sync', moment: 'after', path: 'commits.log' },
  'before rows go out': { call: 'write', moment: 'after', path: 'incoming-blocks' },
  'with some rows in': ROWS,
  'with later rows in': { ...ROWS, passage: 3 },
  'before a commit is marked': { call: 'write', moment: 'before', path: 'commits.log', text: '"done"' },
  'with half a mark written': { call: 'write', moment: 'half-way', path: 'commits.log', text: '"done"' },
  'with a commit marked': { call: 'write', moment: 'after', path: 'commits.log', text: '"done"' },
  'before the log is written': { call: 'write', moment: 'before', path: 'log/data.mdb' },
  'with half of the log written': { call: 'write', moment: 'half-way', path: 'log/data.mdb' },
  'before the log is synced': { call: 'sync', moment: 'before', path: 'log/data.mdb' },
  'with the log synced': { call: 'sync', moment: 'after', path: 'log/data.mdb' },
}

/** Points that it passes when it is stopped, which writes a snapshot. */
const STOPPING_POINTS: Readonly<Record<string, KillPoint>> = {
  'with half a snapshot written': { call: 'write', moment: 'half-way', path: '.state.part' },
  'before a snapshot takes its name': { call: 'rename', moment: 'before', path: '.state' },
  'with a snapshot in place': { call: 'rename', moment: 'after', path: '.state' },
  'before old commits are dropped': { call: 'rename', moment: 'before', path: 'commits.log' },
}

const randomKill: Fault<EmbeddedSite> = {
  name: 'kill -9 at a random moment',
  rounds: { short: 3, full: 200 },
  async round(site) {
    await sleep(RANDOM_MS.least + Math.random() * (RANDOM_MS.most - RANDOM_MS.least))
    await site.kill()
    const killedAt = performance.now()
    await site.start()
    return killedAt
  },
}

function pointOf(points: Readonly<Record<string, KillPoint>>, round: number): KillPoint {
  const all = Object.values(points)
  return all[round % all.length] as KillPoint
}

/** Each round at the next of the points; the name of one in the wrong way is in the error. */
const runningKills: Fault<EmbeddedSite> = {
  name: 'kill -9 at named points of commits and appends',
  rounds: { short: Object.keys(RUNNING_POINTS).length, full: 10 * Object.keys(RUNNING_POINTS).length },
  async round(site, round) {
    await sleep(Math.random() * RANDOM_MS.least)
    const point = pointOf(RUNNING_POINTS, round)
    site.machine.killAt(point)
    await site.died(`the end of the process at ${JSON.stringify(point)}`)
    const killedAt = performance.now()
    site.machine.killAt(undefined)
    await site.start()
    return killedAt
  },
}

const stoppingKills: Fault<EmbeddedSite> = {
  name: 'kill -9 at named points of a snapshot',
  rounds: { short: Object.keys(STOPPING_POINTS).length, full: 10 * Object.keys(STOPPING_POINTS).length },
  async round(site, round) {
    await sleep(RANDOM_MS.most / 2)
    site.machine.killAt(pointOf(STOPPING_POINTS, round))
    await site.stop()
    const stoppedAt = performance.now()
    mustHold(site.machine.wasKilled(), `the process did not pass ${JSON.stringify(pointOf(STOPPING_POINTS, round))}`)
    site.machine.killAt(undefined)
    await site.start()
    return stoppedAt
  },
}

/** Recovery sends again what was under way: it is killed there again and again, at the next passage each time. */
const recoveryKill: Fault<EmbeddedSite> = {
  name: 'kill -9 during recovery, three times',
  rounds: { short: 1, full: 20 },
  async round(site) {
    site.machine.killAt(ROWS)
    await site.died('the end of the process with rows in')
    const killedAt = performance.now()
    for (let passage = 1; passage <= 3; passage += 1) {
      site.machine.killAt({ ...ROWS, passage })
      const outcome = await site.start().then(
        () => 'listens',
        () => 'ended',
      )
      if (outcome === 'listens') await site.died('the end of the process after recovery')
    }
    site.machine.killAt(undefined)
    await site.start()
    return killedAt
  },
}

const freeze: Fault<EmbeddedSite> = {
  name: 'the process is held still (SIGSTOP, SIGCONT)',
  rounds: { short: 1, full: 20 },
  async round(site) {
    site.product.freeze()
    try {
      const { status } = await site.sender.send([site.sender.share()])
      mustHold(status === undefined, `a process that is held still answered ${status}`)
      await sleep(FROZEN_MS)
    } finally {
      site.product.thaw()
    }
    return performance.now()
  },
}

/** All of them; they may follow one another on one site. */
export const KILL_FAULTS: readonly Fault<EmbeddedSite>[] = [randomKill, runningKills, stoppingKills, recoveryKill, freeze]
