import { useState } from 'react'
import './icon-button.css'

type Theme = 'light' | 'dark'
/** Also read by public/theme-boot.js before the first paint. */
const STORAGE_KEY = 'kappa-theme'

function shownTheme(): Theme {
  const chosen = document.documentElement.dataset['theme']
  if (chosen === 'light' || chosen === 'dark') return chosen
  return window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
}

/** Switches between light and dark; until it is used the system's preference holds. */
export function ThemeToggle() {
  const [theme, setTheme] = useState(shownTheme)
  const other: Theme = theme === 'dark' ? 'light' : 'dark'
  const choose = () => {
    document.documentElement.dataset['theme'] = other
    setTheme(other)
    try {
      localStorage.setItem(STORAGE_KEY, other)
    } catch {
      // Storage may be forbidden: the choice holds until the page is closed.
    }
  }
  return (
    <button
      type="button"
      className="icon-button"
      onClick={choose}
      aria-label={`Switch to ${other} theme`}
      title={`Switch to ${other} theme`}
    >
      <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" focusable="false">
        {theme === 'dark' ? (
          <path d="M10 3.5v-2M10 18.5v-2M16.5 10h2M1.5 10h2M14.6 5.4 16 4M4 16l1.4-1.4M14.6 14.6 16 16M4 4l1.4 1.4M13.2 10a3.2 3.2 0 1 1-6.4 0 3.2 3.2 0 0 1 6.4 0Z" />
        ) : (
          <path d="M16.8 11.9A7 7 0 0 1 8.1 3.2a7 7 0 1 0 8.7 8.7Z" />
        )}
      </svg>
    </button>
  )
}
