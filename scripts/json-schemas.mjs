/**
 * Writes schemas/json/: the JSON Schema of what others read and write, made from the zod schemas, never by hand. With
 * `--check` it writes nothing, names the files that are not current, and exits 1 when there are any. Run through tsx
 * (`npm run schemas`), since it imports the sources.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { LOG_RECORD_VERSION, logRecord } from '../schemas/log-records.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const folder = resolve(import.meta.dirname, '../schemas/json')

const schemas = {
  [`log-record.v${LOG_RECORD_VERSION}.schema.json`]: {
    title: `Record of the events topic, version ${LOG_RECORD_VERSION}`,
    description: 'One JSON object a record. Instants are epoch milliseconds; personal data stands here as keyed hashes only.',
    ...z.toJSONSchema(logRecord, { target: 'draft-2020-12' }),
  },
}

const stale = Object.entries(schemas).filter(([name, schema]) => {
  const path = join(folder, name)
  const text = `${JSON.stringify(schema, null, 2)}\n`
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false
  if (values.check) console.error(`json-schemas: schemas/json/${name} is not current: npm run schemas`)
  else {
    mkdirSync(folder, { recursive: true })
    writeFileSync(path, text)
    console.log(`json-schemas: wrote schemas/json/${name}`)
  }
  return true
})
if (values.check && stale.length > 0) process.exitCode = 1
