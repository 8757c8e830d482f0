/** The Overview's view lives in the URL, so that it can be linked to, reloaded, and gone back from. */
import { useCallback, useEffect, useState } from 'react'
import { formatView, type OverviewView, parseView } from './view-parameters.ts'

/** The view of the URL, and a function that changes a part of it as a step of the browser's history. */
export function useOverviewView(): readonly [OverviewView, (change: Partial<OverviewView>) => void] {
  const [view, setView] = useState(() => parseView(window.location.search))
  useEffect(() => {
    const follow = () => setView(parseView(window.location.search))
    window.addEventListener('popstate', follow)
    return () => window.removeEventListener('popstate', follow)
  }, [])
  const change = useCallback((part: Partial<OverviewView>) => {
    const next = { ...parseView(window.location.search), ...part }
    window.history.pushState(null, '', `${window.location.pathname}${formatView(next)}`)
    setView(next)
  }, [])
  return [view, change]
}
