/** Amounts of money as SDKs send them (19.99, "19.99") to minor units, exactly: on the decimal digits, never on floats. */

const DECIMAL = /^([+-]?)(\d{1,40})?(?:\.(\d{0,40}))?(?:e([+-]?\d{1,3}))?$/i
const EXPONENT_MAX = 60
const exponents = new Map<string, number>()

/** Digits after the point of a currency (ISO 4217): EUR 2, JPY 0, KWD 3. `currency`: three capital letters. */
export function currencyExponent(currency: string): number {
  let exponent = exponents.get(currency)
  if (exponent === undefined) {
    exponent = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
    exponents.set(currency, exponent)
  }
  return exponent
}

/**
 * Minor units of an amount in major units, half a unit rounded up. 0.1 + 0.2 is 30 cents, "1.005" is 101. Undefined for
 * what is no plain decimal number, negative ones included, and for more than 2^53 - 1 minor units.
 */
export function minorUnits(amount: unknown, currency: string): number | undefined {
  // The text of a number is the shortest decimal that means it: what the sender wrote.
  const text = typeof amount === 'number' ? String(amount) : typeof amount === 'string' ? amount.trim() : ''
  const match = DECIMAL.exec(text)
  if (!match) return undefined
  const [, sign, whole = '', fraction = '', power = '0'] = match
  if (sign === '-' || whole + fraction === '') return undefined
  const shift = Number(power) + currencyExponent(currency) - fraction.length
  if (Math.abs(shift) > EXPONENT_MAX) return undefined
  const digits = BigInt(whole + fraction)
  const minor = shift >= 0 ? digits * 10n ** BigInt(shift) : roundedHalfUp(digits, 10n ** BigInt(-shift))
  return minor <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(minor) : undefined
}

function roundedHalfUp(digits: bigint, unit: bigint): bigint {
  return (2n * digits + unit) / (2n * unit)
}
