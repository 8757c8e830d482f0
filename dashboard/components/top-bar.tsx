import type { ReactNode } from 'react'
import { KappaMark } from './kappa-mark.tsx'
import { ThemeToggle } from './theme-toggle.tsx'

/** The bar above every page: product, workspace, what the page says of itself (`children`), theme. */
export function TopBar({ workspace, children }: { readonly workspace: string; readonly children: ReactNode }) {
  return (
    <header className="topbar">
      <div className="topbar-inner">
        <a className="topbar-brand" href="/">
          <KappaMark />
          Kappa
        </a>
        <div className="topbar-workspace">
          <span title="Workspace">{workspace}</span>
        </div>
        <div className="topbar-end">
          {children}
          <ThemeToggle />
        </div>
      </div>
    </header>
  )
}
