/** Query parameters, checked by their zod schema. */
import type { z } from 'zod'
import { RequestError } from '../../schemas/errors.ts'
import { parseDurationMs } from '../../schemas/windows.ts'

/** The parsed parameters; throws `parameter_invalid` with the name of the first that is wrong. */
export function parseParameters<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  const parsed = schema.safeParse(query)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  if (issue === undefined) throw new RequestError('parameter_invalid')
  if (issue.code === 'unrecognized_keys')
    throw new RequestError('parameter_invalid', `${issue.keys.join(', ')}: there is no such parameter`)
  throw new RequestError('parameter_invalid', `${issue.path.join('.')}: ${issue.message}`)
}

/** Length of a duration parameter in ms. */
export function durationParameterMs(name: string, text: string): number {
  const ms = parseDurationMs(text)
  if (ms === undefined) throw new RequestError('parameter_invalid', `${name}: must be minutes, hours or days, such as 90m, 24h or 7d`)
  return ms
}

/** Instants that the warehouse can hold. */
const INSTANT_MIN_MS = Date.UTC(1970, 0, 1)
const INSTANT_MAX_MS = Date.UTC(2200, 0, 1)

/** Epoch ms of an instant parameter (RFC 3339 or epoch ms). */
export function instantParameterMs(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isFinite(ms) && ms >= INSTANT_MIN_MS && ms <= INSTANT_MAX_MS) return ms
  throw new RequestError('parameter_invalid', `${name}: must be an instant between 1970 and 2200`)
}
