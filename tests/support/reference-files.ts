/**
 * Files of the public reference data, where ../shared/data (or the folder that REFERENCE_DATA names) is there; nothing of it
 * stands in the repository.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { gunzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'

const FOLDER = process.env['REFERENCE_DATA'] ?? resolve(import.meta.dirname, '../../../shared/data')

/** Whether a folder of the data is there. */
export function hasReference(folder: string): boolean {
  return existsSync(join(FOLDER, folder))
}

/** What a skipped test says. */
export function notThere(folder: string): string {
  return `skipped: ../shared/data/${folder} is not there`
}

/** Text of a file, unpacked when its name ends in .gz. */
export function referenceText(path: string): string {
  const bytes = readFileSync(join(FOLDER, path))
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
}

/** Rows of a CSV file by the names of its header; empty cells are empty texts. */
export function referenceRows(path: string): Record<string, string>[] {
  return parse(referenceText(path), { columns: true, skip_empty_lines: true })
}
