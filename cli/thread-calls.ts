/** Calls between two threads, both ways, with errors that keep their class. */
import type { MessagePort, Transferable, Worker } from 'node:worker_threads'
import { type BirpcReturn, createBirpc } from 'birpc'
import { FencedError } from '../processors/runtime/commit-store.ts'
import { LogCorruptError, LogUnavailableError } from '../schemas/ports/log.ts'
import { WarehouseUnavailableError } from '../schemas/ports/warehouse.ts'

/** Errors that callers tell apart by their class. */
const ERROR_CLASSES = [WarehouseUnavailableError, LogUnavailableError, LogCorruptError, FencedError] as const
const CLASS_OF_NAME: ReadonlyMap<string, new (message: string) => Error> = new Map(ERROR_CLASSES.map((made) => [made.name, made]))

/** An error as it crosses: a structured clone would keep neither its class nor what it carries beside the message. */
interface CrossingError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** ClickHouse's name of what is wrong with a statement. */
  readonly type: unknown
}

interface Message {
  /** What a call failed with. */
  readonly e?: unknown
}

function packed(message: Message): Message {
  const { e: error } = message
  if (!(error instanceof Error)) return message
  const crossing: CrossingError = {
    name: error.name,
    message: error.message,
    stack: error.stack,
    type: 'type' in error ? error.type : undefined,
  }
  return { ...message, e: crossing }
}

function unpacked(message: Message): Message {
  if (message.e === undefined) return message
  const { name, message: text, stack, type } = message.e as CrossingError
  const Known = CLASS_OF_NAME.get(name)
  const error = Known === undefined ? Object.assign(new Error(text), { name, ...(type === undefined ? {} : { type }) }) : new Known(text)
  if (stack !== undefined) error.stack = stack
  return { ...message, e: error }
}

/**
 * Connects `own` functions with those of the other thread. A call rejects with what the other side threw, and never for the
 * time it takes; when the connection is closed all open calls reject. `transferred` names the memory that moves with a
 * message instead of being copied.
 */
export function connectThreads<Remote extends object, Own extends object>(
  port: MessagePort | Worker,
  own: Own,
  transferred: (message: unknown) => Transferable[] = () => [],
): BirpcReturn<Remote, Own> {
  return createBirpc<Remote, Own>(own, {
    post: (message) => port.postMessage(message, transferred(message)),
    on: (listener) => port.on('message', listener),
    off: (listener) => port.off('message', listener),
    serialize: packed,
    deserialize: unpacked,
    timeout: -1,
  })
}
