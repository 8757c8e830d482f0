import { useState } from 'react'
import { CopyButton } from '../components/copy-button.tsx'
import { SegmentedSwitch } from '../components/segmented-switch.tsx'
import './first-event.css'

type Way = 'curl' | 'browser' | 'import'

interface Snippet {
  readonly what: string
  readonly hint: string
  readonly text: string
}

function snippets(origin: string): Readonly<Record<Way, Snippet>> {
  return {
    curl: {
      what: 'curl command',
      hint: 'Sends one share. Put your write key where it says so: it was printed at the first start of Kappa.',
      text: `curl ${origin}/v1/events \\
  -H 'Authorization: Bearer YOUR_WRITE_KEY' \\
  -H 'Content-Type: application/json' \\
  -d '{"type":"share","actor_id":"user-1","content_id":"welcome","channel":"link"}'`,
    },
    browser: {
      what: 'browser snippet',
      hint: 'Put it into your pages. Web vitals are sent by themselves; shares and invites as you call them.',
      text: `<script defer src="${origin}/kappa.js" data-key="YOUR_WRITE_KEY"></script>

<button data-kappa-share="article-42" data-kappa-channel="link">Share</button>

<script>
  addEventListener('load', () => {
    kappa.identify('user-1')
    kappa.invite({ invite_id: 'invite-1', channel: 'email' })
  })
</script>`,
    },
    import: {
      what: 'import command',
      hint: 'Takes history in: NDJSON or CSV, plain, gzip or zstd. It can be run again without counting twice.',
      text: 'npx kappa import events.ndjson.gz',
    },
  }
}

/** Before the first event: how to send it. The page changes by itself when it arrives. */
export function FirstEvent() {
  const [way, setWay] = useState<Way>('curl')
  const snippet = snippets(window.location.origin)[way]
  return (
    <section className="first-event" aria-labelledby="first-event-title">
      <h1 id="first-event-title">Send your first event</h1>
      <p className="first-event-lead">
        Kappa turns shares, invites and signups into a live K-factor: how many others each user brings. It is running and waits for an
        event.
      </p>
      <div className="card first-event-card">
        <div className="first-event-head">
          <SegmentedSwitch
            label="Way to send"
            options={[
              { value: 'curl', label: 'curl' },
              { value: 'browser', label: 'Browser' },
              { value: 'import', label: 'Import' },
            ]}
            value={way}
            onChange={setWay}
          />
          <CopyButton key={way} text={snippet.text} what={snippet.what} />
        </div>
        {/* What scrolls must be reachable by keyboard: axe's scrollable-region-focusable. */}
        <pre className="first-event-code" tabIndex={0} role="region" aria-label={snippet.what}>
          <code>{snippet.text}</code>
        </pre>
        <p className="first-event-hint">{snippet.hint}</p>
      </div>
      <p className="first-event-waiting" role="status">
        <span className="first-event-pulse" aria-hidden="true" />
        Waiting for the first event. This page changes by itself when it arrives.
      </p>
      <ol className="first-event-next">
        <li>
          <b>Shares and invites</b> say who spreads the word: <code>share</code>, <code>invite</code>
        </li>
        <li>
          <b>Signups</b> that name their cause say who was brought by whom: <code>conversion</code> with <code>invite_id</code>,{' '}
          <code>referral_code</code>, <code>share_id</code> or <code>referrer_id</code>
        </li>
        <li>
          <b>K appears</b> once 30 referrals are complete and 11 fall into the window
        </li>
      </ol>
    </section>
  )
}
