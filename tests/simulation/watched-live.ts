/** A bus on which a watcher sees that the time of a workspace does not go back while one process tells it. */
import type { LiveBus } from '../../schemas/ports/live.ts'
import type { VirtualWorld } from './virtual-world.ts'

/** The bus of one runner. */
export function watchingLive(world: VirtualWorld): LiveBus {
  const seen = new Map<string, { watermarkMs: number; version: number }>()
  return {
    publish({ workspace, watermarkMs, rows }) {
      const version = Math.max(...rows.map((row) => row.version))
      const before = seen.get(workspace)
      if (before !== undefined && (watermarkMs < before.watermarkMs || version < before.version))
        world.violate(`watchers of ${workspace} were at ${JSON.stringify(before)} and are told ${watermarkMs}, version ${version}`)
      seen.set(workspace, { watermarkMs, version })
    },
    subscribe: () => () => {},
  }
}
