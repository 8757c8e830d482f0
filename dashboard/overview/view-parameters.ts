/** What the Overview shows, as parameters of its URL. Pure. */
import { LIVE_WINDOWS, type LiveWindowName } from '../../schemas/windows.ts'

export const SERIES_CHOICES = ['k_factor', 'viral_coefficient', 'referral_rate', 'referred_signups', 'active_users'] as const
export type SeriesChoice = (typeof SERIES_CHOICES)[number]

export interface OverviewView {
  readonly window: LiveWindowName
  readonly series: SeriesChoice
  /** End of the window as RFC 3339; undefined follows the running one. */
  readonly at: string | undefined
  readonly workspace: string | undefined
}

const DEFAULT_VIEW: OverviewView = { window: '7d', series: 'k_factor', at: undefined, workspace: undefined }

/** Instant of the parameter `at`, RFC 3339 or epoch ms; undefined when it is neither. */
function parseInstant(text: string | null): string | undefined {
  if (text === null) return undefined
  const instantMs = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text)
  return Number.isNaN(instantMs) ? undefined : new Date(instantMs).toISOString()
}

/** The view that a query string asks for; anything it does not know falls back to the default. */
export function parseView(search: string): OverviewView {
  const parameters = new URLSearchParams(search)
  return {
    window: LIVE_WINDOWS.find(({ name }) => name === parameters.get('window'))?.name ?? DEFAULT_VIEW.window,
    series: SERIES_CHOICES.find((name) => name === parameters.get('series')) ?? DEFAULT_VIEW.series,
    at: parseInstant(parameters.get('at')),
    workspace: parameters.get('workspace') || undefined,
  }
}

/** The query string of a view, defaults left out; '' for the default view. */
export function formatView(view: OverviewView): string {
  const parameters = new URLSearchParams()
  if (view.window !== DEFAULT_VIEW.window) parameters.set('window', view.window)
  if (view.series !== DEFAULT_VIEW.series) parameters.set('series', view.series)
  if (view.at !== undefined) parameters.set('at', view.at)
  if (view.workspace !== undefined) parameters.set('workspace', view.workspace)
  const text = parameters.toString()
  return text === '' ? '' : `?${text}`
}
