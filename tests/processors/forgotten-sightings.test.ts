/** A signup of long ago whose credit changes when its sighting is forgotten: as after a backfill, when another task tells of a cause. */
import { deserialize, serialize } from 'node:v8'
import { expect, it } from 'vitest'
import { GrowthPeople, type PeopleSnapshot } from '../../processors/growth/people.ts'
import { SliceTable } from '../../processors/growth/slices.ts'
import { WindowTotals } from '../../processors/growth/window-totals.ts'
import { DAY_MS } from '../../schemas/windows.ts'

const SIGNUP_MS = Date.UTC(2026, 0, 5)
const plain = { atMs: SIGNUP_MS, referrerId: '', via: '' } as const
const credited = { ...plain, referrerId: 'ann', via: 'referrer' } as const

it.each([
  ['at once', false],
  ['after a restart', true],
])('is credited to somebody else %s', (_, restarts) => {
  const totals = new WindowTotals()
  const slices = new SliceTable(totals.scopesOf)
  const slice = slices.indexOf({ channel: '', campaign: '', variant: '' })
  const credits: [string, number][] = []
  const open = (from?: PeopleSnapshot) =>
    new GrowthPeople({
      slices,
      totals,
      sendCredit: (referrerId, _signupMs, sign) => credits.push([referrerId, sign]),
      ...(from ? { from } : {}),
    })
  let people = open()
  people.signup(1, plain, slice, 1)
  people.dropBefore(SIGNUP_MS + DAY_MS)
  if (restarts) people = open(deserialize(serialize(people.snapshot())) as PeopleSnapshot)
  people.signup(1, plain, slice, -1)
  people.signup(1, credited, slice, 1)
  people.signup(1, credited, slice, -1)
  expect(credits).toEqual([
    ['ann', 1],
    ['ann', -1],
  ])
})
