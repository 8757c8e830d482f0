/** How numbers, money and instants read on the page. One locale, that of the page's language, so that text and numbers agree. */
const LOCALE = 'en-GB'

/** What stands for a number that does not exist. */
export const NO_NUMBER = '–'

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 })
const oneDecimal = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const twoDecimals = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 2, maximumFractionDigits: 2 })
const compactPercent = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 1 })
const percent = new Intl.NumberFormat(LOCALE, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 })

export type NumberStyle = 'count' | 'factor' | 'ratio' | 'percent' | 'compact' | 'compact-percent'

/** A number as text: counts whole, factors such as K with two decimals, ratios with one, percents with one; the compact ones are for axes. */
export function formatNumber(value: number | null | undefined, style: NumberStyle): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NO_NUMBER
  switch (style) {
    case 'count':
      return whole.format(value)
    case 'factor':
      return twoDecimals.format(value)
    case 'ratio':
      return oneDecimal.format(value)
    case 'percent':
      return percent.format(value)
    case 'compact':
      return compact.format(value)
    case 'compact-percent':
      return compactPercent.format(value)
  }
}

/** Minor units as money, with as many decimals as the currency has; an unknown code stands before the number. */
export function formatMoney(minorUnits: number, currency: string): string {
  try {
    const format = new Intl.NumberFormat(LOCALE, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' })
    return format.format(minorUnits / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2))
  } catch {
    return `${currency} ${whole.format(minorUnits)}`
  }
}

const clock = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const shortInstant = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
const longInstant = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' })
const hourOfDay = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit' })
const dayOfMonth = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short' })

/** 12:04:31 */
export function formatClock(instantMs: number): string {
  return clock.format(instantMs)
}

/** 21 Nov, 12:04; with the year when it is not that of `nowMs`. */
export function formatInstant(instantMs: number, nowMs: number): string {
  const sameYear = new Date(instantMs).getFullYear() === new Date(nowMs).getFullYear()
  return (sameYear ? shortInstant : longInstant).format(instantMs)
}

/** For an axis: the hour within two days, else the day. */
export function formatTick(instantMs: number, spanMs: number): string {
  return (spanMs <= 2 * 86_400_000 ? hourOfDay : dayOfMonth).format(instantMs)
}

/** 6 s, 4 min, 3 h, 12 days */
export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.round(ageMs / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`
  return `${whole.format(Math.round(seconds / 86_400))} days`
}
