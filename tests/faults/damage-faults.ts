/** Files that are damaged while the product is down: snapshots, the file of commits, the log. */
import { copyFile, open, readdir, readFile, rename, rm, stat, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { open as openEnvironment } from 'lmdb'
import { usedBytes } from '../../ingest/log/lmdb-file.ts'
import { environmentOf } from '../../ingest/log/lmdb-partition.ts'
import type { EmbeddedSite } from './embedded-site.ts'
import { type Fault, mustHold } from './fault.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const BETWEEN_MS = 700

/** Runs and stops until there are two snapshots; gives their paths, newest first. The product is down afterwards. */
async function stopWithSnapshots(site: EmbeddedSite): Promise<string[]> {
  for (let time = 0; time < 2; time += 1) {
    await sleep(BETWEEN_MS)
    await site.recovered()
    await site.stop()
    if (time === 0) await site.start()
  }
  const folder = join(site.data, 'state')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.state')).sort()
  mustHold(names.length === 2, `there are ${names.length} snapshots`)
  return names.reverse().map((name) => join(folder, name))
}

async function flipByte(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0] = (byte[0] as number) ^ 0x10
  await file.write(byte, 0, 1, at)
  await file.close()
}

async function overwrite(path: string, text: string): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(text, 0)
  await file.close()
}

async function startedAt(site: EmbeddedSite): Promise<number> {
  const startingAt = performance.now()
  await site.start()
  return startingAt
}

/** Damages snapshots, and starts: the product falls back to an older one, or to the log. */
function snapshotFault(name: string, short: number, damage: (newest: string, older: string) => Promise<void>): Fault<EmbeddedSite> {
  return {
    name,
    rounds: { short, full: 10 },
    async round(site) {
      const [newest, older] = (await stopWithSnapshots(site)) as [string, string]
      await damage(newest, older)
      return startedAt(site)
    },
  }
}

const middleOf = async (path: string) => Math.floor((await stat(path)).size / 2)

const snapshotFaults = [
  snapshotFault('the newest snapshot is damaged', 1, async (newest) => flipByte(newest, await middleOf(newest))),
  snapshotFault('the newest snapshot is cut short', 0, async (newest) => truncate(newest, await middleOf(newest))),
  snapshotFault('both snapshots are damaged', 1, async (newest, older) => {
    await flipByte(newest, await middleOf(newest))
    await flipByte(older, await middleOf(older))
  }),
  snapshotFault('both snapshots are of a newer version', 0, async (newest, older) => {
    for (const path of [newest, older]) await overwrite(path, 'kappa-state 9')
  }),
]

/** A process that is killed while it writes leaves any number of bytes of the last line. */
const commitsCut: Fault<EmbeddedSite> = {
  name: 'the file of commits ends in the middle of a line',
  rounds: { short: 3, full: 60 },
  async round(site, round) {
    await sleep(BETWEEN_MS)
    await site.kill()
    const path = join(site.data, 'commits', 'commits.log')
    const bytes = await readFile(path)
    const lastLine = bytes.length - 1 - bytes.lastIndexOf(10, bytes.length - 2)
    await truncate(path, bytes.length - 1 - ((round * 7) % lastLine))
    return startedAt(site)
  },
}

const LOG = join('log', 'data.mdb')

/** What the product says when it is started over a damaged log; undefined when it takes it, and runs. */
async function refusal(site: EmbeddedSite): Promise<string | undefined> {
  return site.start().then(
    () => undefined,
    (error: Error) => error.message,
  )
}

/** Where the text stands in the file, also in pages that are free by now. */
async function placesOf(path: string, text: string): Promise<number[]> {
  const bytes = await readFile(path)
  const places: number[] = []
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) places.push(at)
  return places
}

/** A record that stands before others is changed on disk; with no snapshot behind it, it has to be read. */
const bitFlipped: Fault<EmbeddedSite> = {
  name: 'a bit of the log is flipped: refused, naming the place',
  rounds: { short: 1, full: 10 },
  async round(site) {
    const marked = site.sender.share('marked')
    await site.sender.deliver([marked])
    await sleep(BETWEEN_MS)
    await site.recovered()
    await site.stop()
    const places = await placesOf(join(site.data, LOG), `"${marked.event_id}"`)
    mustHold(places.length > 0, 'the event is not found in the log')
    await rename(join(site.data, 'state'), join(site.data, 'state-away'))
    for (const at of places) await flipByte(join(site.data, LOG), at + 2)
    const said = await refusal(site)
    for (const at of places) await flipByte(join(site.data, LOG), at + 2)
    await rm(join(site.data, 'state'), { recursive: true, force: true })
    await rename(join(site.data, 'state-away'), join(site.data, 'state'))
    mustHold(said !== undefined && /partition \d+ at offset \d+/.test(said), `the refusal does not name the place: ${said}`)
    return startedAt(site)
  },
}

/** How much of the log's file is in use: behind it there may be room that holds nothing. */
async function usedBytesOf(path: string): Promise<number> {
  const root = openEnvironment<Buffer, Buffer>(environmentOf(dirname(path)))
  const used = usedBytes(root)
  await root.close()
  return used
}

/**
 * A file that is shorter than its own pages say would end the process at the first look at what is missing. Half of it is
 * refused; without its last bytes it is refused, or was whole without them, which the judge sees.
 */
const logCut: Fault<EmbeddedSite> = {
  name: 'the file of the log is cut short: refused, or whole all the same',
  rounds: { short: 2, full: 10 },
  async round(site, round) {
    await site.recovered()
    await site.stop()
    const path = join(site.data, LOG)
    const whole = `${path}-whole`
    await copyFile(path, whole)
    const size = await usedBytesOf(path)
    const cutAt = performance.now()
    await truncate(path, round % 2 === 0 ? Math.floor(size / 2) : size - 1 - Math.floor(round / 2))
    const said = await refusal(site)
    if (said === undefined) {
      mustHold(round % 2 === 1, 'half a log was taken')
      return cutAt
    }
    mustHold(/log .*damaged/.test(said), `the refusal does not say that the log is damaged: ${said}`)
    await rename(whole, path)
    return startedAt(site)
  },
}

/** All of them; they may follow one another on one site. */
export const DAMAGE_FAULTS: readonly Fault<EmbeddedSite>[] = [...snapshotFaults, commitsCut, bitFlipped, logCut]
