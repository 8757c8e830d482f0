/**
 * What a window at any instant reads, in a form that is cheap to read: ids that are joined or counted as numbers of fixed
 * length (128 bits of SipHash, as the engine itself takes to count distinct texts), and instants without ZSTD, whose
 * decoding cost more than all arithmetic on them. Rows of before get the numbers when they are read or merged.
 */
import type { AddedColumns, Migration } from './migration.ts'

const keyOf = (id: string) => `if(${id} = '', 0, reinterpretAsUInt128(sipHash128(${id})))`

/** Columns that `people` got; a table of a rebuild that an older build began is still without them. */
export const PEOPLE_KEYS: AddedColumns['columns'] = [
  `actor_key UInt128 DEFAULT ${keyOf('actor_id')} CODEC(NONE)`,
  `referrer_key UInt128 DEFAULT ${keyOf('referrer_id')} CODEC(LZ4)`,
]

export const joinKeys: Migration = {
  version: 4,
  name: 'join-keys',
  statements: [
    { kind: 'columns', table: 'people', columns: PEOPLE_KEYS },
    { kind: 'columns', table: 'events', columns: [`invite_key UInt128 DEFAULT ${keyOf('invite_id')} CODEC(LZ4)`] },
    {
      kind: 'codecs',
      table: 'people',
      columns: [
        "first_activity_at Nullable(DateTime64(3, 'UTC')) CODEC(T64, LZ4)",
        "signup_at Nullable(DateTime64(3, 'UTC')) CODEC(T64, LZ4)",
      ],
    },
    {
      kind: 'codecs',
      table: 'events',
      columns: ["occurred_at DateTime64(3, 'UTC') CODEC(T64, LZ4)", 'actor UInt32 CODEC(T64, LZ4)'],
    },
  ],
}
