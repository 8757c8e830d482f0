import type { ReactNode } from 'react'
import { ServerBanner } from './components/server-banner.tsx'
import { OverviewPage } from './overview/overview-page.tsx'

/** Pages by path; every page is one folder. The server answers any path with index.html, and `/` is the Overview. */
const PAGES: Readonly<Record<string, () => ReactNode>> = { '/': OverviewPage }

/** The page that the address names. */
export function App() {
  const Page = PAGES[window.location.pathname] ?? OverviewPage
  return (
    <>
      <ServerBanner />
      <Page />
    </>
  )
}
