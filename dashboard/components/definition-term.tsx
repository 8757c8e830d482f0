import { type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { DEFINITIONS, type MetricName, REASONS } from './definitions.ts'
import type { NullReason } from '../../schemas/growth-api.ts'
import './definition-term.css'

/** Gap between the word and its tooltip, and between the tooltip and the edge of the screen, px. */
const GAP_PX = 8

interface DefinitionTermProps {
  readonly name: MetricName
  /** In place of the metric's label. */
  readonly children?: ReactNode
  /** Why the number beside it is missing. */
  readonly reason?: NullReason | undefined
  /** A further use of the same button, such as sorting. */
  readonly onClick?: () => void
}

/**
 * The name of a number, with its definition on hover, focus or tap. The tooltip is a popover: it lies above everything
 * and nothing clips it. Escape closes it, and the pointer may rest on it (WCAG 1.4.13).
 */
export function DefinitionTerm({ name, children, reason, onClick }: DefinitionTermProps) {
  const tooltipId = useId()
  const termRef = useRef<HTMLButtonElement>(null)
  const tooltipRef = useRef<HTMLSpanElement>(null)
  const [open, setOpen] = useState(false)
  const definition = DEFINITIONS[name]

  useEffect(() => {
    const term = termRef.current
    const tooltip = tooltipRef.current
    if (!open || !term || !tooltip) return
    tooltip.showPopover()
    placeTooltip(term, tooltip)
    const close = () => setOpen(false)
    const closeOnEscape = (event: KeyboardEvent) => event.key === 'Escape' && close()
    const closeOnTapElsewhere = (event: Event) =>
      !(event.target instanceof Node && (term.contains(event.target) || tooltip.contains(event.target))) && close()
    window.addEventListener('keydown', closeOnEscape)
    window.addEventListener('scroll', close, { capture: true, passive: true })
    window.addEventListener('pointerdown', closeOnTapElsewhere)
    return () => {
      window.removeEventListener('keydown', closeOnEscape)
      window.removeEventListener('scroll', close, { capture: true })
      window.removeEventListener('pointerdown', closeOnTapElsewhere)
      if (tooltip.matches(':popover-open')) tooltip.hidePopover()
    }
  }, [open])

  return (
    <span
      className="definition"
      onPointerEnter={(event) => event.pointerType === 'mouse' && setOpen(true)}
      onPointerLeave={() => setOpen(false)}
    >
      <button
        type="button"
        ref={termRef}
        className="definition-term"
        aria-describedby={tooltipId}
        onFocus={(event) => event.currentTarget.matches(':focus-visible') && setOpen(true)}
        onBlur={() => setOpen(false)}
        onClick={onClick ?? (() => setOpen(true))}
      >
        {children ?? definition.label}
      </button>
      <span role="tooltip" id={tooltipId} ref={tooltipRef} popover="manual" className="definition-tooltip">
        <strong>{definition.label}</strong>
        <span>{definition.meaning}</span>
        {reason === undefined ? null : <span className="definition-reason">No number: {REASONS[reason] ?? reason}.</span>}
        {definition.formula === undefined ? null : <code>{definition.formula}</code>}
        <code className="definition-code">{name}</code>
      </span>
    </span>
  )
}

/** Under the term, or above it where there is no room below; always inside the screen. */
function placeTooltip(term: HTMLElement, tooltip: HTMLElement): void {
  const anchor = term.getBoundingClientRect()
  const box = tooltip.getBoundingClientRect()
  const left = Math.min(Math.max(GAP_PX, anchor.left - 12), window.innerWidth - box.width - GAP_PX)
  const below = anchor.bottom + GAP_PX
  const top = below + box.height > window.innerHeight ? Math.max(GAP_PX, anchor.top - box.height - GAP_PX) : below
  tooltip.style.left = `${left}px`
  tooltip.style.top = `${top}px`
}
