/** A request to ClickHouse's HTTP interface, read into its parts (https://clickhouse.com/docs/interfaces/http). */
import type { IncomingMessage } from 'node:http'
import { gunzipSync } from 'node:zlib'

export interface ClickHouseRequest {
  readonly path: string
  readonly query: string
  /** Rows of an INSERT whose statement stands in the address. */
  readonly rows: Buffer | undefined
  readonly params: Readonly<Record<string, string>>
  readonly settings: Readonly<Record<string, string>>
  readonly database: string
  readonly user: string
  readonly password: string
  /** Bytes as they came over the wire, and how they were packed. */
  readonly bodyBytes: number
  readonly contentEncoding: string
  readonly acceptsGzip: boolean
}

/** Parameters of the address that are no settings. */
const NO_SETTINGS = new Set(
  'query database user password query_id session_id session_timeout default_format wait_end_of_query buffer_size compress decompress role'.split(
    ' ',
  ),
)

function multipartParts(body: string, contentType: string): Map<string, string> {
  const boundary = /boundary=(.+)$/.exec(contentType)?.[1] ?? ''
  const parts = new Map<string, string>()
  for (const part of body.split(`--${boundary}`).slice(1, -1)) {
    const [head = '', ...rest] = part.slice(2).split('\r\n\r\n')
    parts.set(/name="([^"]+)"/.exec(head)?.[1] ?? '', rest.join('\r\n\r\n').slice(0, -2))
  }
  return parts
}

function credentials(request: IncomingMessage, search: URLSearchParams): { user: string; password: string } {
  const [scheme = '', encoded = ''] = (request.headers.authorization ?? '').split(' ')
  if (scheme.toLowerCase() === 'basic') {
    const text = Buffer.from(encoded, 'base64').toString('utf8')
    const colon = text.indexOf(':')
    return { user: text.slice(0, colon), password: text.slice(colon + 1) }
  }
  const header = (name: string) => request.headers[name]?.toString()
  return {
    user: header('x-clickhouse-user') ?? search.get('user') ?? 'default',
    password: header('x-clickhouse-key') ?? search.get('password') ?? '',
  }
}

async function bodyOf(request: IncomingMessage): Promise<{ body: Buffer; bytes: number }> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const raw = Buffer.concat(chunks)
  return { body: request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw, bytes: raw.length }
}

export async function readClickHouseRequest(request: IncomingMessage): Promise<ClickHouseRequest> {
  const { pathname, searchParams: search } = new URL(request.url ?? '/', 'http://front')
  const { body, bytes } = await bodyOf(request)
  const contentType = request.headers['content-type'] ?? ''
  const parts = contentType.startsWith('multipart/form-data') ? multipartParts(body.toString('utf8'), contentType) : undefined
  const inAddress = search.get('query') ?? ''
  const carriesRows = /^\s*INSERT\b/i.test(inAddress)
  const query = parts?.get('query') ?? (carriesRows ? inAddress : inAddress + body.toString('utf8'))
  const named = [...search, ...(parts ?? [])]
  return {
    path: pathname,
    query,
    rows: carriesRows ? body : undefined,
    params: Object.fromEntries(named.flatMap(([name, value]) => (name.startsWith('param_') ? [[name.slice(6), value]] : []))),
    settings: Object.fromEntries([...search].filter(([name]) => !name.startsWith('param_') && !NO_SETTINGS.has(name))),
    database: search.get('database') ?? request.headers['x-clickhouse-database']?.toString() ?? 'default',
    ...credentials(request, search),
    bodyBytes: bytes,
    contentEncoding: request.headers['content-encoding'] ?? '',
    acceptsGzip: (request.headers['accept-encoding'] ?? '').includes('gzip'),
  }
}
