import './overview-skeleton.css'

/** The shape of the page while its first numbers are on their way. */
export function OverviewSkeleton() {
  return (
    <div className="stack" role="status" aria-label="Loading the numbers">
      <div className="card skeleton-card" data-part="hero">
        <div className="skeleton-block" data-line="title" />
        <div className="skeleton-block" data-line="figure" />
        <div className="skeleton-block" data-line="sentence" />
        <div className="skeleton-block" data-line="scale" />
      </div>
      <div className="card skeleton-card" data-part="equation">
        <div className="skeleton-block" data-line="title" />
        <div className="skeleton-block" data-line="scale" />
      </div>
      <div className="card skeleton-card" data-part="counts">
        <div className="skeleton-block" data-line="title" />
        <div className="skeleton-block" data-line="sentence" />
      </div>
    </div>
  )
}
