/** A disk that is full, and one whose syncs fail. */
import { rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EmbeddedSite } from './embedded-site.ts'
import { eventually, type Fault, mustHold, type SiteSettings } from './fault.ts'

const SEEN_MS_MAX = 30_000

/** Writes a file that leaves nothing of the small disk; gives what removes it. */
async function fillDisk(site: EmbeddedSite): Promise<() => Promise<void>> {
  const path = join(site.smallDisk, 'ballast')
  const { bavail, bsize } = await statfs(site.smallDisk)
  await writeFile(path, Buffer.alloc(bavail * bsize)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOSPC') throw error // the product took some of it meanwhile
  })
  return () => rm(path)
}

function seesTrouble(site: EmbeddedSite, reason: RegExp): Promise<true> {
  return eventually(`/readyz with ${reason}`, SEEN_MS_MAX, async () => {
    const { status, notReady } = await site.readiness()
    mustHold(status === 503 && notReady.some((text) => reason.test(text)), `/readyz says ${status} ${notReady.join('; ')}`)
    return true as const
  })
}

/** Senders are told when to come again, nothing is acknowledged, and it goes on without a restart. */
async function logDiskFull(site: EmbeddedSite): Promise<number> {
  const free = await fillDisk(site)
  const refused = await eventually('a refusal', SEEN_MS_MAX, async () => {
    const answer = await site.sender.send([site.sender.share()])
    return answer.status === 202 ? undefined : answer
  })
  mustHold(refused.status === 503 && Number(refused.retryAfter) > 0, `an append on a full disk is answered ${JSON.stringify(refused)}`)
  await seesTrouble(site, /^log: .*disk/)
  await free()
  const freedAt = performance.now()
  await site.sender.deliver([site.sender.share()])
  return freedAt
}

const logFull: Fault<EmbeddedSite> = {
  name: 'the disk of the log is full',
  rounds: { short: 1, full: 10 },
  round: logDiskFull,
}

const warehouseFull: Fault<EmbeddedSite> = {
  name: 'the disk of the warehouse is full',
  rounds: { short: 1, full: 10 },
  async round(site) {
    const free = await fillDisk(site)
    await seesTrouble(site, /^warehouse: /)
    const { status } = await site.sender.send([site.sender.share()])
    mustHold(status === 202, `ingest answers ${status} while the warehouse has no room`)
    await free()
    return performance.now()
  },
}

const allFull: Fault<EmbeddedSite> = {
  name: 'the disk of everything is full',
  rounds: { short: 1, full: 10 },
  round: logDiskFull,
}

/**
 * After a sync that failed nobody knows what of the pages is on disk, and a later sync may say that all is well. So there is
 * no acknowledgement, not even when syncs work again, until the process was started anew.
 */
const syncFails: Fault<EmbeddedSite> = {
  name: 'syncs of the log fail',
  rounds: { short: 1, full: 10 },
  async round(site) {
    site.machine.failSyncs('log/data.mdb')
    const answer = await eventually('a refusal', SEEN_MS_MAX, async () => {
      const { status, body } = await site.sender.send([site.sender.share()])
      return status === 202 ? undefined : { status, body }
    })
    mustHold(answer.status === undefined || answer.status === 503, `an append whose sync fails is answered ${answer.status} ${answer.body}`)
    await seesTrouble(site, /^log: .*start/)
    site.machine.failSyncs(undefined)
    const { status } = await site.sender.send([site.sender.share()])
    mustHold(status === 503, `after a failed sync, an event is answered ${status} without a restart`)
    await site.kill()
    const killedAt = performance.now()
    await site.start()
    return killedAt
  },
}

/** Faults of a site with a disk of its own for a part. */
export const SMALL_DISK_FAULTS: readonly { readonly fault: Fault<EmbeddedSite>; readonly settings: Partial<SiteSettings> }[] = [
  { fault: logFull, settings: { smallDisk: { folder: 'log', megabytes: 48 } } },
  { fault: warehouseFull, settings: { smallDisk: { folder: 'warehouse', megabytes: 96 } } },
  { fault: allFull, settings: { smallDisk: { folder: '.', megabytes: 128 } } },
]

export const SYNC_FAULTS: readonly Fault<EmbeddedSite>[] = [syncFails]
