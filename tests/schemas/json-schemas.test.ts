import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { logRecord } from '../../schemas/log-records.ts'

const root = resolve(import.meta.dirname, '../..')

it('keeps the JSON Schemas current', () => {
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', join(root, 'scripts/json-schemas.mjs'), '--check'], {
    cwd: root,
    encoding: 'utf8',
  })
  expect(`${status} ${stderr}`).toBe('0 ')
})

it('shows only records in docs/topic-format.md that are records', () => {
  const text = readFileSync(join(root, 'docs/topic-format.md'), 'utf8')
  const records = [...text.matchAll(/\{"v":1.*\}/g)].map(([record]) => JSON.parse(record) as unknown)
  expect(records.length).toBeGreaterThan(2)
  for (const record of records) expect(logRecord.safeParse(record).error?.issues ?? []).toEqual([])
})
