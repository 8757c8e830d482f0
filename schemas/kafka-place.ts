/**
 * The address of a Kafka cluster in one line, as `KAPPA_LOG` takes it. No URL: it names several hosts, and a user whose
 * password may hold anything.
 */

const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

export interface KafkaPlace {
  /** `host:port` of some brokers. */
  readonly brokers: readonly string[]
  readonly ssl: boolean
  readonly sasl?: { readonly mechanism: (typeof SASL_MECHANISMS)[number]; readonly username: string; readonly password: string }
  /** Copies of each record, of topics that are made now. */
  readonly replicationFactor?: number
  /** What the names of all topics begin with. */
  readonly prefix: string
}

const FORM = 'kafka://[user:password@]host:9092[,host:9092][?ssl=1&sasl=scram-sha-512&replication=3&prefix=kappa]'
const PLACE = /^kafka:\/\/(?:(?<login>[^/?#\s]*)@)?(?<hosts>[^@/?#\s]*)\/?(?:\?(?<query>[^#\s]*))?$/
// No IPv6 address: the client would take its first colon for that of the port.
const BROKER = /^[A-Za-z0-9_.-]{1,253}:(\d{1,5})$/
const PARAMETERS = ['ssl', 'sasl', 'replication', 'prefix']

/** The parts of the address, or one sentence that says what to write instead; it quotes no password. */
export function readKafkaPlace(text: string): KafkaPlace | string {
  const { login, hosts = '', query = '' } = PLACE.exec(text)?.groups ?? {}
  if (hosts === '') return `must be embedded: or ${FORM}, with what is no letter or digit of user and password percent-encoded`
  const brokers = hosts.split(',')
  if (!brokers.every(isBroker)) return `must be embedded: or ${FORM}: each host is a name or an IPv4 address with its port`
  const parameters = new URLSearchParams(query)
  for (const name of parameters.keys()) {
    if (!PARAMETERS.includes(name)) return `must have no parameters but ${PARAMETERS.join(', ')}`
    if (parameters.getAll(name).length > 1) return `must have ${name} once`
  }
  const ssl = parameters.get('ssl') ?? '0'
  if (ssl !== '0' && ssl !== '1') return 'must have ssl=1, or no ssl for plain text'
  const sasl = readSasl(login, parameters.get('sasl'))
  if (typeof sasl === 'string') return sasl
  const replication = parameters.get('replication') ?? undefined
  if (replication !== undefined && !/^[1-9]$/.test(replication))
    return 'must have a replication of 1 to 9, at most as many as there are brokers'
  const prefix = parameters.get('prefix') ?? 'kappa'
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(prefix)) return 'must have a prefix of letters, digits, ., _ and -, at most 100'
  return {
    brokers,
    ssl: ssl === '1',
    ...(sasl === undefined ? {} : { sasl }),
    ...(replication === undefined ? {} : { replicationFactor: Number(replication) }),
    prefix,
  }
}

function isBroker(text: string): boolean {
  const port = Number(BROKER.exec(text)?.[1] ?? 0)
  return port >= 1 && port <= 65_535
}

function readSasl(login: string | undefined, wanted: string | null): KafkaPlace['sasl'] | string {
  if (login === undefined && wanted === null) return undefined
  const mechanism = SASL_MECHANISMS.find((name) => name === wanted)
  if (mechanism === undefined) return `must say how the user logs in: one of ${SASL_MECHANISMS.map((name) => `sasl=${name}`).join(', ')}`
  const colon = login?.indexOf(':') ?? -1
  const username = decoded(login?.slice(0, Math.max(0, colon)))
  const password = decoded(login?.slice(colon + 1))
  if (!username || !password) return `must have user:password@ before the hosts, percent-encoded, for sasl=${mechanism}`
  return { mechanism, username, password }
}

/** Undefined for what is not percent-encoded UTF-8. */
function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text)
  } catch {
    return undefined
  }
}
