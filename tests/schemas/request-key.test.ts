import { describe, expect, it } from 'vitest'
import { requestKey } from '../../schemas/request-key.ts'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe('the key of a request', () => {
  it.each([
    ['Bearer', 'Bearer k1', {}, 'k1'],
    ['any case of the scheme', 'bEARER k1', {}, 'k1'],
    ['the Basic user name', basic('k1:'), {}, 'k1'],
    ['?key=', undefined, { key: 'k1' }, 'k1'],
    ['a header before the query', 'Bearer k1', { key: 'k2' }, 'k1'],
    ['none', undefined, {}, undefined],
    ['an empty one', undefined, { key: '' }, undefined],
    ['not the sign-in of the dashboard, which a browser repeats', basic('admin:a long password'), {}, undefined],
    ['the query beside that sign-in', basic('admin:a long password'), { key: 'k1' }, 'k1'],
  ])('%s', (_, authorization, query, expected) => {
    expect(requestKey(authorization, query)).toBe(expected)
  })
})
