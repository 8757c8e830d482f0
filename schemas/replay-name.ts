/**
 * The name under which a replay goes from partition to partition. It goes the way of an import that has ended, whose name
 * is all that is passed on, so the name says from when on numbers are replaced.
 */
const FORM = /^replay:([^@]+)(?:@(\d+))?$/

export interface Replay {
  readonly id: string
  /** Window ends before this instant (epoch ms) stay as they are; undefined: none do. */
  readonly fromMs: number | undefined
}

export function replayName({ id, fromMs }: Replay): string {
  return fromMs === undefined ? `replay:${id}` : `replay:${id}@${fromMs}`
}

/** The replay of a name; undefined for the name of an import. */
export function parseReplayName(name: string): Replay | undefined {
  const [, id, from] = FORM.exec(name) ?? []
  return id === undefined ? undefined : { id, fromMs: from === undefined ? undefined : Number(from) }
}
