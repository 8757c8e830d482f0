/** The schema's definitions as SQL: one server and a cluster. */
import { expect, test } from 'vitest'
import { MIGRATIONS, migrate, type MigrateOptions } from '../../warehouse/migrations/migrate.ts'
import type { TableDefinition } from '../../warehouse/migrations/migration.ts'
import { schemaSql } from '../../warehouse/migrations/schema-sql.ts'

/** What `migrate` says to an empty warehouse. */
async function statementsOf(options: MigrateOptions): Promise<string[]> {
  const statements: string[] = []
  await migrate({ command: async (sql) => void statements.push(sql), rows: async () => [] }, Date.UTC(2026, 0, 1), options)
  return statements
}
const asFile = (statements: readonly string[]) => `${statements.join(';\n\n')};\n`

test('on one server: plain engines', async () => {
  await expect(asFile(await statementsOf({}))).toMatchFileSnapshot('schema/one-server.sql')
})

test('on a cluster: every table replicated, every definition on all servers, every record once', async () => {
  const statements = await statementsOf({ cluster: 'main' })
  await expect(asFile(statements)).toMatchFileSnapshot('schema/cluster.sql')
  for (const statement of statements) {
    if (statement.startsWith('INSERT')) expect(statement).not.toContain('ON CLUSTER')
    else expect(statement).toContain(" ON CLUSTER 'main'")
    if (statement.startsWith('CREATE'))
      expect(statement).toMatch(/ENGINE = ReplicatedReplacingMergeTree\('[^']*\{shard\}[^']*', '\{replica\}'/)
    expect(statement).not.toContain('non_replicated_deduplication_window')
  }
})

test('the two forms differ in nothing else', async () => {
  const [alone, clustered] = [await statementsOf({}), await statementsOf({ cluster: 'main' })]
  const plain = clustered.map((statement) =>
    statement
      .replace(" ON CLUSTER 'main'", '')
      .replace(/ReplicatedReplacingMergeTree\('[^']*', '\{replica\}'(?:, )?/, 'ReplacingMergeTree(')
      .replace('ReplacingMergeTree()', 'ReplacingMergeTree')
      .replace(
        /replicated_deduplication_window = (\d+), replicated_deduplication_window_seconds = \d+/,
        'non_replicated_deduplication_window = $1',
      ),
  )
  expect(plain).toEqual(alone)
})

test.each(["main' SYNC", '', 'a b'])('a name that is no cluster is refused: %j', (cluster) => {
  const [table] = MIGRATIONS[0]?.statements ?? []
  expect(() => schemaSql(table as TableDefinition, { cluster })).toThrow(TypeError)
})
