import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { logPlace } from '../../cli/log-place.ts'
import { readSettings } from '../../cli/settings.ts'
import { config } from '../../schemas/config.ts'

const SECRET = '0123456789abcdef0123456789abcdef'
/** The log as a command gets it: through the settings. */
function placeOf(log: string) {
  return logPlace(readSettings({ flags: {}, env: { KAPPA_LOG: log, KAPPA_SECRET: SECRET }, cwd: import.meta.dirname }))
}

describe('the log of the settings', () => {
  const plain = { brokers: ['kafka:9092'], prefix: 'kappa' }
  it.each([
    ['embedded:', undefined],
    ['kafka://kafka:9092', plain],
    ['kafka://kafka:9092/', plain],
    ['kafka://kafka:9092?ssl=0', plain],
    ['kafka://10.0.0.1:9092,kafka_2.example:19092?ssl=1', { ...plain, brokers: ['10.0.0.1:9092', 'kafka_2.example:19092'], ssl: true }],
    ['kafka://kafka:9092?replication=3&prefix=shop.kappa_2', { ...plain, replicationFactor: 3, prefix: 'shop.kappa_2' }],
    ['kafka://u:p@kafka:9092?sasl=plain', { ...plain, sasl: { mechanism: 'plain', username: 'u', password: 'p' } }],
    [
      'kafka://a%40b:p%40ss%2Fw%3Ard%3F%23%25%C3%A4@kafka:9092?sasl=scram-sha-256',
      { ...plain, sasl: { mechanism: 'scram-sha-256', username: 'a@b', password: 'p@ss/w:rd?#%ä' } },
    ],
    // What an address can tell apart without encoding is taken as it is.
    [
      'kafka://u:p:a@b+c@kafka:9092?sasl=scram-sha-512',
      { ...plain, sasl: { mechanism: 'scram-sha-512', username: 'u', password: 'p:a@b+c' } },
    ],
  ])('%s', (log, place) => {
    expect(placeOf(log)).toEqual(place)
  })

  const FORM = /must be embedded: or kafka:\/\/\[user:password@\]host:9092/
  it.each([
    ['kafka', FORM],
    ['kafka:', FORM],
    ['kafka://', FORM],
    ['redis://kafka:9092', FORM],
    ['kafka://kafka', /each host is a name or an IPv4 address with its port/],
    ['kafka://kafka:0', /with its port/],
    ['kafka://kafka:65536', /with its port/],
    ['kafka://a:9092,', /with its port/],
    ['kafka://a:9092,b', /with its port/],
    ['kafka://[::1]:9092', /IPv4/],
    ['kafka://u:p/w@kafka:9092?sasl=plain', /percent-encoded/],
    ['kafka://kafka:9092/topic', FORM],
    ['kafka://kafka:9092#x', FORM],
    ['kafka://kafka:9092 ', FORM],
    ['kafka://kafka:9092?ssl=true', /must have ssl=1/],
    ['kafka://kafka:9092?ssl=1&ssl=0', /must have ssl once/],
    ['kafka://kafka:9092?tls=1', /no parameters but ssl, sasl, replication, prefix/],
    ['kafka://u:p@kafka:9092', /one of sasl=plain, sasl=scram-sha-256, sasl=scram-sha-512/],
    ['kafka://u:p@kafka:9092?sasl=oauthbearer', /one of sasl=plain/],
    ['kafka://kafka:9092?sasl=plain', /must have user:password@/],
    ['kafka://u@kafka:9092?sasl=plain', /must have user:password@/],
    ['kafka://u:@kafka:9092?sasl=plain', /must have user:password@/],
    ['kafka://:p@kafka:9092?sasl=plain', /must have user:password@/],
    ['kafka://u:%ff@kafka:9092?sasl=plain', /percent-encoded/],
    ['kafka://kafka:9092?replication=0', /replication of 1 to 9/],
    ['kafka://kafka:9092?replication=many', /replication of 1 to 9/],
    ['kafka://kafka:9092?prefix=', /prefix of letters/],
    ['kafka://kafka:9092?prefix=a/b', /prefix of letters/],
  ])('%s is refused, with what to write', (log, says) => {
    expect(() => placeOf(log)).toThrow(says)
    expect(() => logPlace({ log })).toThrow(says)
  })

  it('takes any user and password, percent-encoded', () => {
    const text = fc.string({ unit: 'binary', minLength: 1 })
    fc.assert(
      fc.property(text, text, (username, password) => {
        const log = `kafka://${encodeURIComponent(username)}:${encodeURIComponent(password)}@kafka:9092?sasl=plain`
        expect(logPlace({ log })?.sasl).toEqual({ mechanism: 'plain', username, password })
      }),
    )
  })

  it('says no password in an error', () => {
    for (const log of [
      'kafka://u:hunter2@kafka',
      'kafka://u:hunter2@kafka:9092',
      'kafka://u:hun/ter2@kafka:9092?sasl=plain',
      'kafka://u:hunter2@kafka:9092?x=hunter2',
    ]) {
      expect(JSON.stringify(config.shape.log.safeParse(log).error?.issues.map(({ message }) => message))).not.toMatch(/hun/)
    }
  })
})
