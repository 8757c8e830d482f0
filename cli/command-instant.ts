/** Instants as people type them. */
import { z } from 'zod'
import { CommandError } from './command-error.ts'

const INSTANT = z.iso.datetime({ offset: true })

/** Epoch ms of RFC 3339 with a zone, or of epoch ms. Throws CommandError `instant_invalid`. */
export function instantMs(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  if (INSTANT.safeParse(text).success) return Date.parse(text)
  throw new CommandError(
    'instant_invalid',
    `${text} is no instant: give RFC 3339 with a zone, such as 2026-01-31T00:00:00Z, or epoch milliseconds`,
  )
}
