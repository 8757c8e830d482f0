/** Flags of `kappa import` that do not go together are refused before anything is opened. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { importFiles } from '../../cli/import-command.ts'

it.each([
  ['events', ['events.ndjson'], undefined],
  ['events', ['-'], undefined],
  ['events', ['leads.csv', 'more.ndjson'], undefined],
  ['segment', ['archive.gz'], 'segment'],
])('a map for %s is refused: %j', async (taken, files, format) => {
  const data = await mkdtemp(join(tmpdir(), 'kappa-flags-'))
  onTestFinished(() => rm(data, { recursive: true, force: true }))
  const map = join(data, 'map.json')
  await writeFile(map, JSON.stringify({ columns: { lead: 'actor_id' }, constants: { type: 'conversion', kind: 'signup' } }))
  await expect(importFiles(files, { data, map, ...(format === undefined ? {} : { format }) })).rejects.toMatchObject({
    code: 'map_unused',
    message: expect.stringContaining(`these files are taken for ${taken}: give --format csv, or leave --map out`),
  })
})
