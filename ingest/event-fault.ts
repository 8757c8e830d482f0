/** Why one event was not accepted: a code of the registry, the field, and a sentence for people. */
import { EVENT_ERRORS, type EventErrorCode } from '../schemas/errors.ts'

export interface EventFault {
  readonly code: EventErrorCode
  /** Dotted path of the field; '' for the event as a whole. */
  readonly path: string
  readonly message: string
}

/** A fault with the registry's sentence, or one of its own. */
export function eventFault(code: EventErrorCode, path = '', message: string = EVENT_ERRORS[code]): EventFault {
  return { code, path, message }
}
