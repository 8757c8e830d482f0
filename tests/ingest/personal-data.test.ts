import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openLmdbLog } from '../../ingest/log/lmdb.ts'
import { canonicalEmail, canonicalIp, canonicalPhone, PersonalDataHasher } from '../../ingest/personal-data.ts'
import { keyVerdict, redactText } from '../../ingest/personal-patterns.ts'
import { invite, rum, share, signup, startIngest } from './ingest-fixture.ts'

describe('canonical forms', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    [' 192.0.2.1 ', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['unknown', undefined],
    ['1', undefined],
    ['3232235777', undefined],
    ['0x7f000001', undefined],
    ['256.1.1.1', undefined],
    ['', undefined],
  ])('ip %s', (text, canonical) => expect(canonicalIp(text)).toBe(canonical))

  it.each([
    [' Ada@Example.ORG ', 'ada@example.org', 'example.org'],
    ['ada+news@example.org', 'ada@example.org', 'example.org'],
    ['a.d.a+x@gmail.com', 'ada@gmail.com', 'gmail.com'],
    ['ada@googlemail.com', 'ada@gmail.com', 'googlemail.com'],
    ['a.d.a@example.org', 'a.d.a@example.org', 'example.org'],
    ['+tag@example.org', '+tag@example.org', 'example.org'],
  ])('e-mail %s', (text, address, domain) => expect(canonicalEmail(text)).toEqual({ address, domain }))

  it.each(['ada', 'ada@', '@example.org', 'ada@localhost', 'a b@example.org', 'ada@@example.org', 'ada@example..org'])(
    'no e-mail: %s',
    (text) => {
      expect(canonicalEmail(text)).toBeUndefined()
      expect(new PersonalDataHasher(randomBytes(32)).email(text).email_malformed).toBe(true)
    },
  )

  it.each([
    ['+49 (170) 123-45.67', '+491701234567'],
    ['0049 170 1234567', '+491701234567'],
    ['0170/1234567', '01701234567'],
    ['n/a', undefined],
  ])('phone %s', (text, canonical) => expect(canonicalPhone(text)).toBe(canonical))

  it('hashes differ by kind and by workspace, and are 128 bits', () => {
    const [a, b] = [new PersonalDataHasher(randomBytes(32)), new PersonalDataHasher(randomBytes(32))]
    const hashes = [a.hash('ip', 'x'), a.hash('device', 'x'), a.hash('email', 'x'), a.hash('phone', 'x'), b.hash('ip', 'x')]
    expect(new Set(hashes).size).toBe(5)
    for (const hash of hashes) expect(Buffer.from(hash, 'base64url').length).toBe(16)
    expect(a.email('A.da+1@gmail.com').email_hash).toBe(a.email('ada@googlemail.com').email_hash)
    expect(a.ip('::ffff:1.2.3.4')).toBe(a.ip('1.2.3.4'))
  })
})

describe('keys of properties', () => {
  it.each([
    ['email', 'hash'],
    ['Email_Address', 'hash'],
    ['userEmail', 'hash'],
    ['e-mail', 'hash'],
    ['mail', 'hash'],
    ['phoneNumber', 'hash'],
    ['mobile', 'hash'],
    ['ip', 'hash'],
    ['ip_address', 'hash'],
    ['x-forwarded-for', 'hash'],
    ['device_id', 'hash'],
    ['IDFA', 'hash'],
    ['street', 'drop'],
    ['billingAddress', 'drop'],
    ['zip', 'drop'],
    ['postal_code', 'drop'],
    ['plan', 'keep'],
    ['ship', 'keep'],
    ['zipper', 'keep'],
    ['description', 'keep'],
    ['email_domain', 'keep'],
    ['phone_model', 'keep'],
    ['hotel', 'keep'],
  ])('%s: %s', (key, verdict) => expect(keyVerdict(key)).toBe(verdict))

  it('text keeps what is no person', () => {
    expect(redactText('order 20120704123456 of 2012-07-04, v1.2, Chrome/120.0.0.0 at 3:15')).toBe(
      'order 20120704123456 of 2012-07-04, v1.2, Chrome/120.0.0.0 at 3:15',
    )
    expect(redactText('write to ada@example.org or +49 170 1234567 now')).toBe('write to [redacted] or [redacted] now')
  })
})

/** Each stands nowhere else, so that one hit in a file is a leak. */
const NEEDLES = {
  ip: '198.51.100.77',
  mappedIp: '::ffff:203.0.113.99',
  ip6: '2001:db8:dead:beef::77',
  device: 'needle-device-4711',
  email: 'Needle.Mail+x@needle-mail.example',
  phone: '+49 170 5550177',
  street: 'Needle Street 17',
  urlMail: 'link.needle@mail-needle.example',
}

describe('the raw value is written nowhere', () => {
  it('neither in records nor in any file of the log, for accepted and for refused events', async () => {
    const path = await mkdtemp(join(tmpdir(), 'kappa-needles-'))
    const ingest = await startIngest({ log: await openLmdbLog({ path, partitions: 3 }) })
    const personal = { ip: NEEDLES.ip, device_id: NEEDLES.device }
    const free = {
      email: NEEDLES.email,
      ip: NEEDLES.mappedIp,
      note: `mail ${NEEDLES.email}`,
      contact: { phone: NEEDLES.phone, list: [NEEDLES.email, NEEDLES.phone, NEEDLES.ip6] },
      shipping_address: { street: NEEDLES.street, lines: [NEEDLES.street] },
      [NEEDLES.email]: 1,
      emails: [NEEDLES.email],
      device_id: NEEDLES.device,
    }
    const bodies = [
      share({ ...personal, url: `https://a.example/?to=${NEEDLES.urlMail}&x=${encodeURIComponent(NEEDLES.urlMail)}`, properties: free }),
      signup({ ...personal, ip: NEEDLES.mappedIp, email: NEEDLES.email }),
      signup({ email: 'needle-mail malformed' }),
      invite({ ...personal, ip: NEEDLES.ip6, recipient: { email: NEEDLES.email, phone: NEEDLES.phone, actor_id: 'bob' } }),
      rum({ page: `/u/${NEEDLES.urlMail}` }),
      // Refused ones: wrong values, wrong places, wrong keys.
      share({ ...personal, channel: null, properties: free }),
      share({ ...personal, occurred_at: 5, properties: free }),
      signup({ email: { nested: NEEDLES.email, [NEEDLES.email]: [NEEDLES.phone] } }),
      invite({ recipient: NEEDLES.email }),
      invite({ recipient: NEEDLES.phone }),
      invite({ recipient: { email: [NEEDLES.email], address: NEEDLES.street } }),
      share({ [NEEDLES.email]: 'x' }),
      share({ userPhone: NEEDLES.phone, properties: { a: { b: { c: { d: { e: { f: { g: { h: { i: free } } } } } } } } } }),
      [NEEDLES.email, NEEDLES.phone],
    ]
    const answers = [await ingest.post([...bodies.slice(0, -1), bodies.at(-1)])]
    const ndjson = { headers: { 'content-type': 'application/x-ndjson' } }
    answers.push(
      await ingest.post(
        `{"device_id":"${NEEDLES.device}","email":"${NEEDLES.email}","ip":"${NEEDLES.ip}"\n{'phone':'${NEEDLES.phone}', street: ${NEEDLES.street}`,
        ndjson,
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([202, 202])
    expect(answers[0]?.body).toMatchObject({ accepted: 5 })

    const records = await ingest.records()
    expect(records.length).toBe(bodies.length + 2)
    const text = JSON.stringify([records, answers.map(({ body }) => body)])
    const stored = records.map((record) => JSON.stringify(record)).join()
    expect(stored).toContain('"email_domain":"needle-mail.example"')
    expect(stored).toContain('"email_malformed":true')
    expect(records.filter((record) => 'ip_hash' in record).length).toBe(3)
    await ingest.close()

    const files = await Promise.all((await readdir(path)).map((name) => readFile(join(path, name))))
    const haystack = Buffer.concat([Buffer.from(text), ...files])
      .toString('latin1')
      .toLowerCase()
    for (const needle of [
      ...Object.values(NEEDLES),
      '203.0.113.99',
      'needle.mail',
      '5550177',
      'needle street',
      'link.needle',
      'needle-mail malformed',
    ]) {
      expect(haystack.includes(needle.toLowerCase()), needle).toBe(false)
      expect(haystack.includes(encodeURIComponent(needle).toLowerCase()), needle).toBe(false)
    }
    await rm(path, { recursive: true })
  })

  it("takes the connection's address for browsers without one, never X-Forwarded-For", async () => {
    const ingest = await startIngest()
    await ingest.post(share({ event_id: 'browser' }), { kind: 'write', headers: { 'x-forwarded-for': '203.0.113.5' } })
    await ingest.post(share({ event_id: 'own', ip: '203.0.113.5' }), { kind: 'write' })
    await ingest.post(share({ event_id: 'server' }))
    const hasher = new PersonalDataHasher(ingest.workspaces.hashingSecret('default'))
    const hashes = Object.fromEntries(
      (await ingest.records()).map((record) => ('ip_hash' in record ? [record.event_id, record.ip_hash] : ['server', undefined])),
    )
    expect(hashes).toEqual({ browser: hasher.ip('127.0.0.1'), own: hasher.ip('203.0.113.5'), server: undefined })
    await ingest.close()
  })
})
