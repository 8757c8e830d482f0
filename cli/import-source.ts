/** The files of an import as one stream of NDJSON: decompressed, CSV made into events, each file ending with a newline. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import process from 'node:process'
import { readCsvItems, type CsvMap } from '../ingest/csv-rows.ts'
import { decompress } from '../ingest/decompress.ts'
import { CommandError } from './command-error.ts'
import { ROW_FORMATS, type RowFormat } from './engine.ts'
import { wholeLines } from './whole-lines.ts'

export const IMPORT_FORMATS = [...ROW_FORMATS, 'csv'] as const
export type ImportFormat = (typeof IMPORT_FORMATS)[number]

/** What the rows are that go to the engine: those of a CSV are made into events here. */
export function rowFormatOf(format: ImportFormat): RowFormat {
  return format === 'csv' ? 'events' : format
}

/** Standard input, among the names of files. */
const STDIN = '-'
const READ_BYTES = 1024 * 1024
const CSV_BATCH_ROWS = 1_000

export interface ImportSource {
  /** Bytes of all files as they lie on disk; 0 when standard input is among them. */
  readonly totalBytes: number
  /** Bytes read of them so far. */
  readonly readBytes: () => number
  readonly chunks: AsyncIterable<Uint8Array>
  /** What stopped the reading before the end of the files; undefined when nothing did. */
  readonly failure: () => CommandError | undefined
}

/**
 * Opens the files in their order. Once `signal` is aborted it ends after the last whole line. A file that can't be read to its end ends
 * the stream too and becomes the `failure`. Rejects with CommandError for a file that is not there.
 */
export async function openImportSource(
  files: readonly string[],
  options: { readonly format: ImportFormat; readonly map: CsvMap | undefined; readonly signal: AbortSignal },
): Promise<ImportSource> {
  let totalBytes = 0
  for (const file of files) {
    if (file === STDIN) continue
    const found = await stat(file).catch(() => undefined)
    if (found === undefined)
      throw new CommandError('file_missing', `${file} is not there: give the path of a file, or - for standard input`)
    if (found.isDirectory()) throw new CommandError('not_a_file', `${file} is a folder: give the files in it`)
    totalBytes += found.size
  }
  let readBytes = 0
  let failure: CommandError | undefined

  async function* counted(file: string): AsyncGenerator<Uint8Array> {
    const input = file === STDIN ? process.stdin : createReadStream(file, { highWaterMark: READ_BYTES })
    // A pipe that is silent now would otherwise be waited for.
    const stop = () => input.destroy()
    options.signal.addEventListener('abort', stop, { once: true })
    for await (const chunk of input as AsyncIterable<Uint8Array>) {
      readBytes += chunk.byteLength
      yield chunk
    }
    options.signal.removeEventListener('abort', stop)
  }

  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const file of files) {
      if (options.signal.aborted) return
      try {
        const decoded = decompress(counted(file))
        yield* wholeLines(options.format === 'csv' ? csvLines(decoded, options.map) : decoded, { signal: options.signal })
      } catch (error) {
        if (options.signal.aborted) return
        const reason = error instanceof Error ? error.message : String(error)
        failure = new CommandError(
          'file_unreadable',
          `${file}: ${reason}: mend the file and run the import again, nothing is counted twice`,
          {
            cause: error,
          },
        )
        return
      }
    }
  }

  return {
    totalBytes: files.includes(STDIN) ? 0 : totalBytes,
    readBytes: () => readBytes,
    chunks: chunks(),
    failure: () => failure,
  }
}

async function* csvLines(source: AsyncIterable<Uint8Array>, map: CsvMap | undefined): AsyncGenerator<Uint8Array> {
  if (map === undefined) throw new CommandError('map_missing', 'a CSV needs --map FILE, which says what each column is')
  for await (const items of readCsvItems(source, map, CSV_BATCH_ROWS)) {
    const lines = items.map((item) => {
      // No JSON on purpose: such a row goes to the quarantine with the reason in front of it.
      return 'value' in item ? JSON.stringify(item.value) : `${item.fault.message} ${item.text.replaceAll(/[\r\n]/g, ' ')}`
    })
    yield Buffer.from(`${lines.join('\n')}\n`)
  }
}
