/** Snapshots in memory, for tests of a runner: the newest that was kept. */
import { deserialize, serialize } from 'node:v8'
import type { SnapshotStore } from '../../processors/runtime/snapshot-store.ts'
import type { StateSnapshot } from '../../processors/runtime/snapshot-stream.ts'
import type { TopologySnapshot } from '../../processors/topology.ts'

export function memorySnapshots(): SnapshotStore<TopologySnapshot> {
  let kept: Buffer | undefined
  return {
    async write(snapshot) {
      const written = serialize(snapshot)
      return {
        async keep() {
          kept = written
        },
      }
    },
    readNewest: async () => kept && (deserialize(kept) as StateSnapshot<TopologySnapshot>),
    oldestCommit: async () => 0,
  }
}
