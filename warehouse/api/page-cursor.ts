/** Cursors of lists: the place of the last row of a page, as text that nobody need understand. */
import type { z } from 'zod'
import { RequestError } from '../../schemas/errors.ts'

export function cursorOf(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url')
}

/** The place of a cursor; undefined without one. Throws `parameter_invalid` for what `cursorOf` did not make. */
export function placeOfCursor<Schema extends z.ZodType>(schema: Schema, cursor: string | undefined): z.output<Schema> | undefined {
  if (cursor === undefined) return undefined
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')))
  } catch {
    throw new RequestError('parameter_invalid', 'cursor: is not one that this list gave')
  }
}
