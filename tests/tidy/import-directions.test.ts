import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PlantedTree, plantTree } from '../support/planted-tree.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const TOOL = 'scripts/import-directions.mjs'

/** Each rule, a file that breaks it, and what that file imports. */
const PLANTED: readonly (readonly [rule: string, file: string, imported: string])[] = [
  ['schemas-import-only-zod', 'schemas/takes-files.ts', 'node:fs'],
  ['schemas-import-only-zod', 'schemas/takes-metrics.ts', '../metrics/ratio.ts'],
  ['schemas-import-only-zod', 'schemas/takes-fastify.ts', 'fastify'],
  ['metrics-import-only-schemas-and-jstat', 'metrics/takes-zod.ts', 'zod'],
  ['metrics-import-only-schemas-and-jstat', 'metrics/takes-runtime.ts', '../processors/runtime/pane.ts'],
  ['stages-never-import-each-other', 'ingest/takes-processors.ts', '../processors/runtime/pane.ts'],
  ['stages-never-import-each-other', 'processors/takes-warehouse.ts', '../warehouse/table.ts'],
  ['stages-never-import-each-other', 'processors/growth/takes-type-only.ts', '../../warehouse/table.ts'],
  ['stages-never-import-each-other', 'warehouse/takes-ingest.ts', '../ingest/pipeline.ts'],
  ['stages-never-import-each-other', 'dashboard/takes-warehouse.tsx', '../warehouse/table.ts'],
  ['stages-never-import-each-other', 'verify/takes-processors.ts', '../processors/runtime/pane.ts'],
  ['stages-never-import-each-other', 'simulate/takes-ingest.ts', '../ingest/pipeline.ts'],
  ['stages-never-import-each-other', 'warehouse/takes-cli.ts', '../cli/kappa.ts'],
  ['domains-never-import-each-other', 'processors/growth/takes-attribution.ts', '../attribution/cause.ts'],
  ['domains-never-import-each-other', 'processors/growth/takes-topology.ts', '../topology.ts'],
  ['domains-never-import-each-other', 'processors/runtime/takes-attribution.ts', '../attribution/cause.ts'],
  ['browser-sdk-stands-alone', 'ingest/browser/takes-pipeline.ts', '../pipeline.ts'],
  ['server-never-imports-browser-sdk', 'ingest/takes-sdk.ts', './browser/kappa.ts'],
  ['clickhouse-only-in-warehouse-drivers', 'warehouse/takes-client.ts', '@clickhouse/client'],
  ['clickhouse-only-in-warehouse-drivers', 'cli/takes-chdb.ts', 'chdb/connection'],
  ['lmdb-only-in-its-stores', 'processors/growth/takes-lmdb.ts', 'lmdb'],
  ['lmdb-only-in-its-stores', 'ingest/log/takes-lmdb.ts', 'lmdb'],
  ['ioredis-only-in-its-drivers', 'cli/takes-redis.ts', 'ioredis'],
  ['kafkajs-only-in-its-client', 'ingest/log/takes-kafkajs.ts', 'kafkajs'],
  ['dashboard-never-imports-node', 'dashboard/takes-files.ts', 'node:fs'],
  ['product-never-imports-tests-or-scripts', 'cli/takes-tests.ts', '../tests/support/plant.ts'],
  ['server-never-imports-development-packages', 'cli/takes-vite.ts', 'vite'],
  ['no-unresolvable', 'cli/takes-nothing.ts', './absent.ts'],
]

const ALLOWED: Readonly<Record<string, string>> = {
  'schemas/event.ts': "import { z } from 'zod'\nexport const Event = z.string()\n",
  'metrics/ratio.ts': "import jstat from 'jstat'\nimport { Event } from '../schemas/event.ts'\nexport const ratio = [jstat, Event]\n",
  'ingest/pipeline.ts': "import { Event } from '../schemas/event.ts'\nexport const pipeline = Event\n",
  'ingest/log/lmdb.ts': "import { open } from 'lmdb'\nexport const log = open\n",
  'ingest/log/kafka-client.ts': "import { Kafka } from 'kafkajs'\nexport const client = Kafka\n",
  'ingest/keys/key-ring.ts': "import { open } from 'lmdb'\nexport const keys = open\n",
  'ingest/browser/kappa.ts': "import { onLCP } from 'web-vitals'\nexport const kappa = onLCP\n",
  'processors/runtime/pane.ts': "import { ratio } from '../../metrics/ratio.ts'\nexport const pane = ratio\n",
  'processors/runtime/state-store.ts': "import { open } from 'lmdb'\nexport const store = open\n",
  'processors/attribution/cause.ts': "import { pane } from '../runtime/pane.ts'\nexport const cause = pane\n",
  'processors/topology.ts': "import { cause } from './attribution/cause.ts'\nexport const topology = cause\n",
  'warehouse/table.ts': "import { createClient } from './drivers/client.ts'\nexport const table = createClient\n",
  'warehouse/drivers/client.ts': "export { createClient } from '@clickhouse/client'\n",
  'dashboard/page.tsx': "import { useState } from 'react'\nexport const page = useState\n",
  'cli/kappa.ts':
    "import { readFileSync } from 'node:fs'\nimport { pipeline } from '../ingest/pipeline.ts'\nimport { topology } from '../processors/topology.ts'\nexport const wired = [readFileSync, pipeline, topology]\n",
  'tests/support/plant.ts': "import { table } from '../../warehouse/table.ts'\nexport const planted = table\n",
}

describe('imports against their direction', () => {
  let tree: PlantedTree
  let found: string[]

  beforeAll(() => {
    const planted = PLANTED.map(([, file, imported]) => [
      file,
      file.includes('type-only')
        ? `import type { table } from '${imported}'\nexport type T = typeof table\n`
        : `export * as x from '${imported}'\n`,
    ])
    tree = plantTree({
      ...ALLOWED,
      ...Object.fromEntries(planted),
      'metrics/first.ts': "import { second } from './second.ts'\nexport const first = () => second\n",
      'metrics/second.ts': "import { first } from './first.ts'\nexport const second = () => first\n",
    })
    const { status, output } = tree.run(TOOL, '--root', tree.folder)
    expect(status).toBe(1)
    found = output.split('\n')
  })
  afterAll(() => tree.remove())

  it.each(PLANTED)('%s: %s -> %s', (rule, file) => {
    expect(found.filter((line) => line.startsWith(`${rule}: ${file} -> `))).toHaveLength(1)
  })

  it('no-cycles: two modules that import each other', () => {
    expect(found.filter((line) => /^no-cycles: metrics\/(first|second)\.ts -> /.test(line))).not.toHaveLength(0)
  })

  it('reports nothing but what was planted', () => {
    const planted = new Set([...PLANTED.map(([, file]) => file), 'metrics/first.ts', 'metrics/second.ts'])
    const others = found.filter((line) => line.includes(' -> ') && !planted.has(line.split(/: | -> /)[1] ?? ''))
    expect(others).toEqual([])
  })

  it('has a planted violation for each rule of the configuration', () => {
    const { forbidden } = createRequire(import.meta.url)(join(ROOT, '.dependency-cruiser.cjs')) as { forbidden: { name: string }[] }
    const planted = new Set<string>([...PLANTED.map(([rule]) => rule), 'no-cycles'])
    expect(forbidden.map(({ name }) => name).filter((name) => !planted.has(name))).toEqual([])
  })
})

describe('imports in their direction', () => {
  let tree: PlantedTree

  beforeAll(() => {
    tree = plantTree(ALLOWED)
  })
  afterAll(() => tree.remove())

  it('pass', () => {
    expect(tree.run(TOOL, '--root', tree.folder)).toMatchObject({ status: 0 })
  })

  it('do not pass when no module was read', () => {
    const configuration = join(tree.folder, '.dependency-cruiser.cjs')
    const text = readFileSync(configuration, 'utf8')
    writeFileSync(configuration, `${text}\nmodule.exports.options.includeOnly = '^nowhere/'\n`)
    const { status, output } = tree.run(TOOL, '--root', tree.folder)
    writeFileSync(configuration, text)
    expect(status).toBe(1)
    expect(output).toContain('not-read: cli/kappa.ts')
  })

  it('do not pass when there is nothing to read', () => {
    const empty = plantTree({})
    const { status, output } = empty.run(TOOL, '--root', empty.folder)
    empty.remove()
    expect(status).toBe(1)
    expect(output).toContain('not-read: no source file was found')
  })
})
