/**
 * `/kappa.js`: `<script defer src="https://HOST/kappa.js" data-key="WRITE_KEY"></script>`. Sends shares, invites, conversions and web
 * vitals; the page sees one global, `kappa`, and never an exception from it.
 */
import { type Metric, onCLS, onFCP, onINP, onLCP, onTTFB } from 'web-vitals'
import { newId, readStored, writeStored } from './browser-storage.ts'
import { createEventOutbox } from './event-outbox.ts'

type Fields = Readonly<Record<string, unknown>>

/** What the page calls. Fields are those of the event types; each call returns the id that a link may carry on. */
export interface KappaBrowser {
  /** From now on events are this person's; kept for later visits. */
  identify: (actorId: string) => void
  /** `content_id` is required. Returns the `share_id`. */
  share: (fields: Fields) => string | undefined
  /** `action` is `sent` unless given. Returns the `invite_id`. */
  invite: (fields?: Fields) => string | undefined
  /** `kind` is required: signup, activation, ... with one of invite_id, referral_code, share_id, referrer_id. */
  conversion: (fields: Fields) => void
  /** A timing of your own, such as `rum('search', 130)`. */
  rum: (name: string, value: number, fields?: Fields) => void
}

declare global {
  interface Window {
    kappa?: KappaBrowser
  }
}

const ACTOR_NAME = 'actor'
const PAGE_LENGTH_MAX = 2_000

/** What a broken argument or a hostile page may cost is this one event, never an exception in the page. */
function guarded<Arguments extends unknown[], Result>(
  action: (...given: Arguments) => Result,
): (...given: Arguments) => Result | undefined {
  return (...given) => {
    try {
      return action(...given)
    } catch {
      return undefined
    }
  }
}

function start(script: HTMLScriptElement): void {
  const key = script.dataset['key'] ?? ''
  const outbox = createEventOutbox(`${new URL(script.src).origin}/v1/events?key=${encodeURIComponent(key)}`, () => Date.now())
  /** Vitals belong to the page that was loaded, also when a single-page app has moved on by the time they are known. */
  const loadedPage = location.pathname
  let actorId = readStored(ACTOR_NAME)

  const currentActor = (): string => {
    if (actorId === undefined) {
      actorId = `anon-${newId()}`
      writeStored(ACTOR_NAME, actorId)
    }
    return actorId
  }
  const send = (type: string, fields: Fields) => {
    if (key !== '') outbox.add({ event_id: newId(), occurred_at: Date.now(), ...fields, type })
  }
  const sendRum = (name: string, value: number, page: string, fields: Fields = {}) =>
    send('rum', { ...fields, name, value, page: page.slice(0, PAGE_LENGTH_MAX) })

  const kappa: KappaBrowser = {
    identify: guarded((id: string) => {
      if (typeof id !== 'string' || id === '') return
      actorId = id
      writeStored(ACTOR_NAME, id)
    }),
    share: guarded((fields: Fields) => {
      const named = { share_id: newId(), ...fields }
      send('share', { actor_id: currentActor(), ...named })
      return named.share_id
    }),
    invite: guarded((fields: Fields = {}) => {
      const named = { action: 'sent', invite_id: newId(), ...fields }
      send('invite', { actor_id: currentActor(), ...named })
      return named.invite_id
    }),
    conversion: guarded((fields: Fields) => send('conversion', { actor_id: currentActor(), ...fields })),
    rum: guarded((name: string, value: number, fields?: Fields) => sendRum(name, value, location.pathname, fields)),
  }
  window.kappa = kappa

  const shareOnClick = guarded((event: MouseEvent) => {
    const element = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-kappa-share]') : null
    if (!element?.dataset['kappaShare']) return
    const channel = element.dataset['kappaChannel']
    kappa.share({ content_id: element.dataset['kappaShare'], ...(channel ? { channel } : {}) })
  })
  // Capturing: a page that stops the click on its way up still shares.
  document.addEventListener('click', shareOnClick, { capture: true })

  const sendVital = guarded(({ name, value }: Metric) => sendRum(name, value, loadedPage))
  for (const observe of [onCLS, onFCP, onINP, onLCP, onTTFB]) observe(sendVital)
}

const script = document.currentScript
if (script instanceof HTMLScriptElement && window.kappa === undefined) guarded(start)(script)
