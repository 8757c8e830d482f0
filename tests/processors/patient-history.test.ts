/** History whose source fails in the middle: every event once, in order. */
import { expect, it } from 'vitest'
import { Patience } from '../../processors/runtime/patience.ts'
import { patientHistory } from '../../processors/runtime/patient-history.ts'
import type { AdmittedEvent } from '../../schemas/records.ts'
import { WarehouseUnavailableError } from '../../schemas/ports/warehouse.ts'

const events = Array.from({ length: 9 }, (_, offset) => ({
  record: {
    v: 1,
    type: 'share',
    workspace: 'w',
    event_id: `e${offset}`,
    occurred_at: Math.floor(offset / 2),
    received_at: 9,
    actor_id: 'a',
    content_id: 'x',
  },
  partition: 0,
  offset,
  actor: 1,
  late: false,
})) as AdmittedEvent[]

it.each([[[]], [[0]], [[1]], [[0, 2, 1]], [[3, 3]]])('gives each event once when reads fail behind %j chunks', async (failures) => {
  const left: number[] = [...failures]
  async function* read() {
    const failsAt = left.shift()
    for (let chunk = 0; chunk < 5; chunk += 1) {
      if (chunk === failsAt) throw new WarehouseUnavailableError('away')
      yield events.slice(chunk * 2, chunk * 2 + 2)
    }
  }
  const patience = new Patience({ sleep: async () => {}, onError: () => {}, isStopping: () => false })
  const given: AdmittedEvent[] = []
  for await (const chunk of patientHistory(read, patience)) given.push(...chunk)
  expect(given).toEqual(events)
})
