/** The file that the setting `eventMap` names: which events of other products' SDKs become which of ours. */
import { readFile } from 'node:fs/promises'
import { eventMap, type EventMapFile } from '../schemas/event-map-rules.ts'
import { CommandError } from './command-error.ts'

/** The map of the file; undefined without one. Throws CommandError `settings_invalid`, naming the place in the file. */
export async function readEventMap(path: string | undefined): Promise<EventMapFile | undefined> {
  if (path === undefined) return undefined
  const refuse = (reason: string) => new CommandError('settings_invalid', `the event map ${path} can't be used: ${reason}`)
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error))
  }
  const parsed = eventMap.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw refuse(`${issue?.path.map(String).join('.') || 'the file'}: ${issue?.message ?? 'see docs/sdks.md'}`)
}
