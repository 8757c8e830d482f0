import './problem-notice.css'

interface ProblemNoticeProps {
  readonly title: string
  readonly help: string
  readonly code?: string
  readonly action?: { readonly label: string; readonly run: () => void }
}

/** A problem in words: what is wrong, what helps. Text of the server is shown as text. */
export function ProblemNotice({ title, help, code, action }: ProblemNoticeProps) {
  return (
    <div className="problem" role="alert">
      <div className="problem-words">
        <strong>{title}</strong>
        <p>{help}</p>
        {code === undefined ? null : <code>{code}</code>}
      </div>
      {action === undefined ? null : (
        <button type="button" className="button" onClick={action.run}>
          {action.label}
        </button>
      )}
    </div>
  )
}
