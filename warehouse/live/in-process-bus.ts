/** The live bus of the embedded form: processors and API share the process. */
import type { LiveBus, LiveEvent } from '../../schemas/ports/live.ts'

export function createInProcessBus(): LiveBus {
  const listeners = new Map<string, Set<(event: LiveEvent) => void>>()
  return {
    publish(event) {
      for (const listener of listeners.get(event.workspace) ?? []) listener(event)
    },
    subscribe(workspace, listener) {
      const of = listeners.get(workspace) ?? new Set()
      listeners.set(workspace, of.add(listener))
      return () => {
        of.delete(listener)
        if (of.size === 0 && listeners.get(workspace) === of) listeners.delete(workspace)
      }
    },
  }
}
