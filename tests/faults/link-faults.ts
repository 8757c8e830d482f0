/** The network between the product and each of its servers fails, in the ways of faulty-link.ts. */
import type { Fault } from './fault.ts'
import type { FaultyLink } from './faulty-link.ts'
import type { ScaledSite, SiteLinks } from './scaled-site.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const BAD_MS = 4_000
const RESETS = 8
const SLOW_MS = 150

interface LinkHarm {
  readonly name: string
  /** Whether the short run has it. */
  readonly isShort: boolean
  readonly harm: (link: FaultyLink) => Promise<void>
}

/** What the link does for a while; it is open afterwards. */
const HARMS: readonly LinkHarm[] = [
  {
    name: 'is slow',
    isShort: false,
    async harm(link) {
      link.turn({ kind: 'slow', ms: SLOW_MS })
      await sleep(BAD_MS)
    },
  },
  {
    name: 'resets connections',
    isShort: false,
    async harm(link) {
      for (let time = 0; time < RESETS; time += 1) {
        link.reset()
        await sleep(BAD_MS / RESETS)
      }
    },
  },
  {
    name: 'refuses connections',
    isShort: false,
    async harm(link) {
      link.turn({ kind: 'refusing' })
      await sleep(BAD_MS)
    },
  },
  {
    name: 'swallows answers',
    isShort: true,
    async harm(link) {
      link.turn({ kind: 'answerless' })
      await sleep(BAD_MS)
    },
  },
  {
    name: 'is silent',
    isShort: true,
    async harm(link) {
      link.turn({ kind: 'silent' })
      await sleep(BAD_MS)
    },
  },
]

const SERVERS: Readonly<Record<keyof SiteLinks, string>> = { kafka: 'Kafka', clickhouse: 'ClickHouse', redis: 'Redis' }

/** Every harm to every link; they may follow one another on one site. */
export const LINK_FAULTS: readonly Fault<ScaledSite>[] = Object.entries(SERVERS).flatMap(([server, title]) =>
  HARMS.map(({ name, isShort, harm }): Fault<ScaledSite> => {
    return {
      name: `the link to ${title} ${name}`,
      rounds: { short: isShort ? 1 : 0, full: 10 },
      async round(site) {
        const link = site.links[server as keyof SiteLinks]
        try {
          await harm(link)
        } finally {
          link.turn({ kind: 'open' })
        }
        return performance.now()
      },
    }
  }),
)
