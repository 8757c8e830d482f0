/**
 * An import of Segment's messages, such as its archives hold. A line is what a body of its HTTP API is, one message or a
 * `batch`, and goes through the same map; no clock is corrected, and the operator may move money.
 */
import type { ValidatedItem } from '../admit-event.ts'
import { IMPORT_BATCH_SIZE, importValidated, type ImportOptions, type ImportProgress } from '../import-session.ts'
import { readItems } from '../line-reader.ts'
import { PersonalDataHasher } from '../personal-data.ts'
import { type MessageMapping, validatedMessage } from '../sdk/message-item.ts'
import { EVENTS_MAX, type IncomingItem } from '../steps/split-body.ts'
import type { EventMap } from './event-map.ts'
import { segmentItems } from './segment-messages.ts'

/** Twice what Segment takes as one batch. */
const LINE_BYTES_MAX = 1024 * 1024

/**
 * Imports NDJSON of messages and batches, cut anywhere. What counts as read is messages; a line that is no JSON is one.
 * Throws RequestError `log_unavailable` as `importValidated` does.
 */
export function importSegmentMessages(
  options: ImportOptions & { readonly lines: AsyncIterable<Uint8Array | string>; readonly eventMap: EventMap },
): AsyncGenerator<ImportProgress> {
  const mapping: MessageMapping = {
    map: options.eventMap,
    mayMoveMoney: true,
    hasher: new PersonalDataHasher(options.workspaces.hashingSecret(options.workspace)),
    newId: options.newId,
  }
  const lines = readItems(options.lines, options.batchSize ?? IMPORT_BATCH_SIZE, LINE_BYTES_MAX)
  return importValidated({ ...options, items: messagesOf(lines, mapping) })
}

/** A line may hold many messages: no more go on at once than a request may bring. */
async function* messagesOf(batches: AsyncIterable<readonly IncomingItem[]>, mapping: MessageMapping): AsyncGenerator<ValidatedItem[]> {
  for await (const lines of batches) {
    let messages: ValidatedItem[] = []
    for (const line of lines) {
      for (const message of itemsOf(line, mapping)) {
        messages.push(message)
        if (messages.length < EVENTS_MAX) continue
        yield messages
        messages = []
      }
    }
    if (messages.length > 0) yield messages
  }
}

function* itemsOf(line: IncomingItem, mapping: MessageMapping): Generator<ValidatedItem> {
  if ('fault' in line) yield { item: line, validated: { fault: line.fault } }
  else for (const message of segmentItems(line.value, undefined, undefined)) yield validatedMessage(message, mapping)
}
