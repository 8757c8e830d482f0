/** The mark: the letter κ in a rounded square. */
export function KappaMark() {
  return (
    <svg className="kappa-mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
      <rect width="24" height="24" rx="6" fill="var(--brand)" />
      <path
        d="M8 6.5v11M16.5 6.8c-3.2.6-5 2.6-8.3 5.6M10.9 10.9c1.2 3.6 2.6 5.9 5.9 6.6"
        fill="none"
        stroke="var(--on-brand)"
        strokeWidth="2.2"
        strokeLinecap="round"
      />
    </svg>
  )
}
