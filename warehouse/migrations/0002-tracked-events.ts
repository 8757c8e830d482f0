/** Ids of `tracked` events: what joins a visitor to a user, a user's older name, a group. */
import type { Migration } from './migration.ts'

export const trackedEvents: Migration = {
  version: 2,
  name: 'tracked-events',
  statements: [
    {
      kind: 'columns',
      table: 'events',
      columns: ['anonymous_id String CODEC(ZSTD(1))', 'previous_id String CODEC(ZSTD(1))', 'group_id String CODEC(ZSTD(1))'],
    },
  ],
}
