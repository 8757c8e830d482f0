import { Component, type ReactNode } from 'react'
import { ProblemNotice } from './problem-notice.tsx'

/** The last resort: a fault of the page itself shows a notice in place of a blank page. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { readonly failed: boolean }> {
  override state = { failed: false }

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true }
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children
    return (
      <main className="page">
        <ProblemNotice
          title="The page ran into a fault of its own"
          help="Your events and numbers are untouched. Load the page again; the browser's console has the details."
          action={{ label: 'Load again', run: () => window.location.reload() }}
        />
      </main>
    )
  }
}
