import type { GrowthResponse } from '../../schemas/growth-api.ts'

/** The answer that reflects more of the log: a read may be overtaken by the live stream while it is on its way. */
export function fresherOf(known: GrowthResponse | undefined, arrived: GrowthResponse): GrowthResponse {
  if (!known?.watermark || !arrived.watermark) return arrived
  return Date.parse(known.watermark) > Date.parse(arrived.watermark) ? known : arrived
}
