import { createContext, useContext } from 'react'
import type { GrowthClient } from './growth-client.ts'

/** The client of the page; `main.tsx` makes it. */
export const GrowthClientContext = createContext<GrowthClient | undefined>(undefined)

/** The client of the page. Throws outside of {@link GrowthClientContext}, which is a bug. */
export function useGrowthClient(): GrowthClient {
  const client = useContext(GrowthClientContext)
  if (client === undefined) throw new Error('there is no GrowthClientContext above')
  return client
}
