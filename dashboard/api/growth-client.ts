/** The one HTTP client of the dashboard. Same origin, so the session cookie goes along and no key stands in the page. */
import type { Readiness } from '../../schemas/readiness-api.ts'
import type { GrowthResponse, SeriesResponse } from '../../schemas/growth-api.ts'

export interface GrowthRequest {
  readonly window: string
  /** End of the window as RFC 3339; undefined for the running one. */
  readonly at: string | undefined
  /** Undefined for the workspace of the session. */
  readonly workspace: string | undefined
}

export interface SeriesRequest {
  readonly metric: string
  readonly window: string
  readonly step: string
  readonly from: string
  readonly to: string
  readonly workspace: string | undefined
}

/** A refused or failed read, in words for people: the problem document's title and help. `status` 0: no answer at all. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly title: string
  readonly status: number
  readonly code: string
  constructor(title: string, help: string, status: number, code: string) {
    super(help)
    this.title = title
    this.status = status
    this.code = code
  }
}

/** The server itself waits 3 s for what is behind it. */
const READINESS_MS_MAX = 8_000

/** Whether the same read may succeed later: no answer, too many requests, or a fault of the server. */
export function isRetryable(error: unknown): boolean {
  return !(error instanceof ApiProblem) || error.status === 0 || error.status === 429 || error.status >= 500
}

/** `path?a=1&b=2` without the parameters that are undefined. */
export function withParameters(path: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) search.set(name, value)
  const text = search.toString()
  return text === '' ? path : `${path}?${text}`
}

function textField(body: unknown, name: string): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const value: unknown = (body as Record<string, unknown>)[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Reads the API of the server that the page came from. */
export class GrowthClient {
  readonly #clientNowMs: () => number
  /** Ms that the server's clock leads this one, so that ages are right on a client with a wrong clock. */
  #clockLeadMs = 0

  /** @param clientNowMs this client's clock, epoch ms */
  constructor(clientNowMs: () => number) {
    this.#clientNowMs = clientNowMs
  }

  /** Now by the server's clock, epoch ms. */
  nowMs(): number {
    return this.#clientNowMs() + this.#clockLeadMs
  }

  /** Every growth number of one window with its rows by channel. Throws {@link ApiProblem}. */
  readGrowth(request: GrowthRequest, signal: AbortSignal): Promise<GrowthResponse> {
    const { window, at, workspace } = request
    return this.#read(withParameters('/v1/growth', { window, at, by: 'channel', workspace }), signal)
  }

  /** One number over time. Throws {@link ApiProblem}. */
  readSeries(request: SeriesRequest, signal: AbortSignal): Promise<SeriesResponse> {
    const { metric, window, step, from, to, workspace } = request
    return this.#read(withParameters('/v1/growth/series', { metric, window, step, from, to, workspace }), signal)
  }

  /** What of the server works, also when it says that not all does. Throws {@link ApiProblem} when it says nothing in time. */
  async readReadiness(signal: AbortSignal): Promise<Readiness> {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(READINESS_MS_MAX)])
    const answer: unknown = await fetch('/readyz', { signal: inTime, credentials: 'same-origin' })
      .then((response) => response.json())
      .catch(() => undefined)
    if (typeof answer === 'object' && answer !== null && 'not_ready' in answer) return answer as Readiness
    throw new ApiProblem('The server does not answer', 'Is Kappa still running? The page tries again by itself.', 0, 'unreachable')
  }

  #noteServerClock(response: Response): void {
    const dateMs = Date.parse(response.headers.get('date') ?? '')
    if (Number.isNaN(dateMs)) return
    const leadMs = dateMs - this.#clientNowMs()
    // The header has whole seconds and the answer was on its way: below two seconds there is nothing to correct.
    this.#clockLeadMs = Math.abs(leadMs) > 2_000 ? leadMs : 0
  }

  async #read<T>(path: string, signal: AbortSignal): Promise<T> {
    let response: Response
    try {
      response = await fetch(path, { signal, headers: { accept: 'application/json' }, credentials: 'same-origin' })
    } catch (cause) {
      if (signal.aborted) throw cause
      throw new ApiProblem('The server does not answer', 'Is Kappa still running? The page tries again by itself.', 0, 'unreachable')
    }
    this.#noteServerClock(response)
    const body: unknown = await response.json().catch(() => undefined)
    if (!response.ok) {
      throw new ApiProblem(
        textField(body, 'title') ?? `The server answered ${response.status}`,
        textField(body, 'detail') ?? 'The log of the server has the details.',
        response.status,
        textField(body, 'code') ?? 'unknown',
      )
    }
    if (body === undefined)
      throw new ApiProblem('The answer is not JSON', 'Something between the page and Kappa changed it.', 502, 'unreadable')
    return body as T
  }
}
