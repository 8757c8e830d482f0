/**
 * Which way imports may point. `schemas` is the ground, `metrics` stands on it, the stages stand on both and know
 * nothing of each other, and only `cli` puts them together. Tests may import anything.
 *
 * The swc parser is named on purpose: with TypeScript's native compiler alone, which has no JavaScript API, the cruiser
 * would read no module and pass. `scripts/import-directions.mjs` fails when a source file was not read.
 */
const STAGES = 'ingest|processors|warehouse|dashboard|verify|simulate'
const CODE = `cli|schemas|metrics|${STAGES}`

/** A package by name, wherever node_modules lies. */
const packages = (names) => `(^|/)node_modules/(${names})(/|$)`

module.exports = {
  forbidden: [
    {
      name: 'schemas-import-only-zod',
      comment: 'schemas is the contract between the stages: zod and types, no I/O, not even from Node.',
      severity: 'error',
      from: { path: '^schemas/' },
      to: { pathNot: ['^schemas/', packages('zod')] },
    },
    {
      name: 'metrics-import-only-schemas-and-jstat',
      comment: 'metrics is pure mathematics.',
      severity: 'error',
      from: { path: '^metrics/' },
      to: { pathNot: ['^metrics/', '^schemas/', packages('jstat')] },
    },
    {
      name: 'stages-never-import-each-other',
      comment: 'A stage talks to another through the log, the tables and the ports of schemas; cli composes them.',
      severity: 'error',
      from: { path: `^(${STAGES})/` },
      to: { path: `^(${CODE})/`, pathNot: '^($1|schemas|metrics)/' },
    },
    {
      name: 'domains-never-import-each-other',
      comment: 'A domain of processors may use the runtime, no other domain and not the topology; the runtime knows no domain.',
      severity: 'error',
      from: { path: '^processors/([^/]+)/' },
      to: { path: '^processors/', pathNot: '^processors/($1|runtime)/' },
    },
    {
      name: 'browser-sdk-stands-alone',
      comment: 'The SDK runs in other peoples pages: nothing of the server may come with it.',
      severity: 'error',
      from: { path: '^ingest/browser/' },
      to: { pathNot: ['^ingest/browser/', '^schemas/', packages('web-vitals')] },
    },
    {
      name: 'server-never-imports-browser-sdk',
      severity: 'error',
      from: { path: `^(${CODE})/`, pathNot: '^ingest/browser/' },
      to: { path: '^ingest/browser/' },
    },
    {
      name: 'clickhouse-only-in-warehouse-drivers',
      comment: 'Only the drivers know which form of ClickHouse answers.',
      severity: 'error',
      from: { path: `^(${CODE})/`, pathNot: '^warehouse/drivers/' },
      to: { path: packages('@clickhouse/[^/]+|chdb|@chdb/[^/]+') },
    },
    {
      name: 'lmdb-only-in-its-stores',
      comment: 'The log driver, the keys and the state and progress stores of the runtime; all else goes through their ports.',
      severity: 'error',
      from: {
        path: `^(${CODE})/`,
        pathNot: ['^ingest/log/lmdb[^/]*\\.ts$', '^ingest/keys/', '^processors/runtime/[^/]*store[^/]*\\.ts$'],
      },
      to: { path: packages('lmdb') },
    },
    {
      name: 'kafkajs-only-in-its-client',
      comment: 'The package is no longer maintained: one file knows it, so that one file has to change.',
      severity: 'error',
      from: { path: `^(${CODE})/`, pathNot: '^ingest/log/kafka-client\\.ts$' },
      to: { path: packages('kafkajs') },
    },
    {
      name: 'ioredis-only-in-its-drivers',
      comment: 'Live updates and rate limits; all else goes through their ports.',
      severity: 'error',
      from: { path: `^(${CODE})/`, pathNot: ['^warehouse/live/redis-bus\\.ts$', '^ingest/limits/redis-limits\\.ts$'] },
      to: { path: packages('ioredis') },
    },
    {
      name: 'dashboard-never-imports-node',
      comment: 'The dashboard runs in a browser.',
      severity: 'error',
      from: { path: '^(dashboard|ingest/browser)/', pathNot: '^dashboard/vite\\.config\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'product-never-imports-tests-or-scripts',
      severity: 'error',
      from: { path: `^(${CODE})/` },
      to: { path: '^(tests|scripts)/' },
    },
    {
      name: 'server-never-imports-development-packages',
      comment: 'They are absent where the package is installed. What is bundled for browsers is exempt.',
      severity: 'error',
      from: { path: `^(${CODE})/`, pathNot: '^(dashboard|ingest/browser)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      mainFields: ['module', 'main', 'types'],
      extensions: ['.ts', '.tsx', '.d.ts', '.mjs', '.js', '.json', '.css'],
    },
  },
}
