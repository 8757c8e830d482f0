import { useEffect, useState } from 'react'

/** For how long the button says that it copied, ms. */
const CONFIRMATION_MS = 1_600

/** Copies a text; says so, to the eye and to a screen reader. `what` names the text: "Copy curl command". */
export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [outcome, setOutcome] = useState<'idle' | 'copied' | 'refused'>('idle')
  useEffect(() => {
    if (outcome === 'idle') return
    const timer = window.setTimeout(() => setOutcome('idle'), CONFIRMATION_MS)
    return () => window.clearTimeout(timer)
  }, [outcome])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setOutcome('copied')
    } catch {
      setOutcome('refused')
    }
  }
  const words = { idle: 'Copy', copied: 'Copied', refused: 'Select it' }[outcome]
  return (
    <button type="button" className="copy-button" onClick={() => void copy()} aria-label={outcome === 'idle' ? `Copy ${what}` : words}>
      {words}
    </button>
  )
}
