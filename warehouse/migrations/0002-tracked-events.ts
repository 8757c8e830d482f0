/** Ids of `tracked` events: what joins a visitor to a user, a user's older name, a group. */
import type { Migration } from './migration.ts'

export const trackedEvents: Migration = {
  version: 2,
  name: 'tracked-events',
  statements: [
    `ALTER TABLE events
  ADD COLUMN IF NOT EXISTS anonymous_id String CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS previous_id String CODEC(ZSTD(1)),
  ADD COLUMN IF NOT EXISTS group_id String CODEC(ZSTD(1))`,
  ],
}
