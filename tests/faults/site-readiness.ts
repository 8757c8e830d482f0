/** What a process says of itself: `/readyz` and `/metrics`. */

/** A process that says nothing for so long does not answer. */
const ANSWER_MS_MAX = 5_000

export interface SiteReadiness {
  readonly status: number
  /** `NAME: REASON` of each part that is not ready. */
  readonly notReady: readonly string[]
  /** How far what is readable is behind; null when that is not known. */
  readonly lagMs: number | null
}

/** Asks `/readyz`. Rejects when nothing answers. */
export async function readReadiness(url: string): Promise<SiteReadiness> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
  const { not_ready, sink_lag } = (await response.json()) as {
    readonly not_ready: readonly { readonly name: string; readonly reason: string }[]
    readonly sink_lag: { readonly ms: number } | null
  }
  return {
    status: response.status,
    notReady: not_ready.map(({ name, reason }) => `${name}: ${reason}`),
    lagMs: sink_lag?.ms ?? null,
  }
}

/** Value of a metric without labels. Rejects when it is not told. */
export async function readMetric(url: string, name: string): Promise<number> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })
  const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(await response.text())?.[1]
  if (response.status !== 200 || value === undefined) throw new Error(`/metrics has no ${name}`)
  return Number(value)
}
