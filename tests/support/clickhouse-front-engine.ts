/** Statements of the front on the embedded engine: a session a request, as over HTTP. */
import { unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient, type ClickHouseClient } from '@clickhouse/client'
import { createChdbConnection } from 'chdb/connection'
import type { ClickHouseRequest } from './clickhouse-request.ts'

type InjectedConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>

export interface EngineAnswer {
  readonly bytes: Buffer
  readonly summary: Readonly<Record<string, string>>
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', "'": "'", '\\': '\\' }
const INSERT_OF_ROWS = /^(\s*INSERT\s+INTO\s+([\w.`]+)\s*(?:\(([^)]*)\))?[\s\S]*?)\s+FORMAT\s+(\w+)\s*$/i

const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

const unescaped = (text: string) => text.replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter)

/** `[1,2]` or `['a','b']` as values; lists in lists don't occur. */
function listOf(text: string): (string | number)[] {
  return [...text.slice(1, -1).matchAll(/'((?:[^'\\]|\\.)*)'|([^,]+)/gs)].map(([, quotedText, number]) =>
    quotedText === undefined ? Number(number) : unescaped(quotedText),
  )
}

/** Parameters come escaped as in TabSeparated; the engine's binding escapes by itself. */
function boundParams({ query, params }: ClickHouseRequest): Record<string, unknown> {
  const bound = Object.entries(params).map(([name, text]) => {
    const type = new RegExp(`\\{\\s*${name}\\s*:\\s*(\\w+)`).exec(query)?.[1]
    return [name, type === 'Array' ? listOf(text) : type === 'String' ? unescaped(text) : text]
  })
  return Object.fromEntries(bound)
}

export class FrontEngine {
  readonly #path: string
  #number = 0

  constructor(path: string) {
    this.#path = path
  }

  #connect(): ClickHouseClient {
    return createClient({ connection: createChdbConnection({ path: this.#path }) as unknown as InjectedConnection })
  }

  /** Runs the request. Rejects with the engine's error. */
  async run(request: ClickHouseRequest): Promise<EngineAnswer> {
    const client = this.#connect()
    try {
      await client.command({ query: `USE \`${request.database}\`` })
      // All in one statement, as a server checks them: each may stand beside `readonly`.
      const settings = Object.entries(request.settings).map(([name, value]) => `${name} = ${quoted(value)}`)
      if (settings.length > 0) await client.command({ query: `SET ${settings.join(', ')}` })
      return request.rows === undefined ? await this.#statement(client, request) : await this.#insert(client, request, request.rows)
    } finally {
      await client.close()
    }
  }

  async #statement(client: ClickHouseClient, request: ClickHouseRequest): Promise<EngineAnswer> {
    const { stream, summary } = await client.exec({ query: request.query, query_params: boundParams(request) })
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array))
    return { bytes: Buffer.concat(chunks), summary: { ...summary } as Record<string, string> }
  }

  /** The engine reads rows from a file; one thread keeps a block whole, as a server does. */
  async #insert(client: ClickHouseClient, { query }: ClickHouseRequest, rows: Buffer): Promise<EngineAnswer> {
    const [, statement = query, table = '', list = '*', format = 'Native'] = INSERT_OF_ROWS.exec(query) ?? []
    this.#number += 1
    const file = join(this.#path, `body-${this.#number}`)
    writeFileSync(file, rows)
    try {
      const structure = format === 'Native' ? '' : `, ${quoted(await this.#structure(client, table, list))}`
      const settings = /\bSETTINGS\b/i.test(statement) ? `${statement}, max_threads = 1` : `${statement} SETTINGS max_threads = 1`
      const { summary } = await client.command({ query: `${settings} SELECT ${list} FROM file(${quoted(file)}, '${format}'${structure})` })
      return { bytes: Buffer.alloc(0), summary: { ...summary } as Record<string, string> }
    } finally {
      unlinkSync(file)
    }
  }

  async #structure(client: ClickHouseClient, table: string, list: string): Promise<string> {
    const described = await client.query({ query: `DESCRIBE TABLE ${table}`, format: 'JSONEachRow' })
    const types = new Map((await described.json<{ name: string; type: string }>()).map(({ name, type }) => [name, type]))
    const names = list === '*' ? [...types.keys()] : list.split(',').map((name) => name.trim().replaceAll('`', ''))
    return names.map((name) => `\`${name}\` ${types.get(name) ?? 'String'}`).join(', ')
  }
}
