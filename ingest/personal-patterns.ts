/** What looks like personal data in free data: by the name of its key, or by the form of its value. */
import { canonicalIp } from './personal-data.ts'

/** `hash`: a value worth comparing; `drop`: a postal address, of which nothing is kept. */
export type KeyVerdict = 'hash' | 'drop' | 'keep'

const HASHED_KEYS =
  /e?mail|phone|mobile|msisdn|telefon|whatsapp_?number|^tel$|^cell$|^fax$|^(?:client|remote|user|source)?ip(?:v[46]|addr|address)?$|remoteaddr|forwardedfor|deviceid|advertisingid|^idfa$|^gaid$/
const DROPPED_KEYS = /address|street|zipcode|^zip$|postcode|postalcode|postleitzahl|strasse|^plz$/
/** Keys that contain one of the words above and are harmless. */
const KEPT_KEYS =
  /^(?:e?mail(?:provider|domain|client|type|template|templateid|campaign|subjectid)|(?:phone|mobile)(?:model|os|brand|type)|contractaddress)$/

const verdicts = new Map<string, KeyVerdict>()
const VERDICTS_MAX = 10_000

function judge(key: string): KeyVerdict {
  const plain = key.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
  if (KEPT_KEYS.test(plain)) return 'keep'
  if (HASHED_KEYS.test(plain)) return 'hash'
  return DROPPED_KEYS.test(plain) ? 'drop' : 'keep'
}

/** What the name of a key says about its value. */
export function keyVerdict(key: string): KeyVerdict {
  const known = verdicts.get(key)
  if (known) return known
  const verdict = judge(key)
  if (verdicts.size < VERDICTS_MAX) verdicts.set(key.slice(), verdict)
  return verdict
}

/** An address inside of other text; `%40` is how it stands in URLs. Bounded, so that it stays linear. */
const EMAIL_INSIDE = /[\p{L}\p{N}._%+'-]{1,64}(?:@|%40)[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/giu
/** An international number: only with + or 00, because bare digits are ids, dates and amounts. */
const PHONE_WHOLE = /^\s*(?:\+|00)\d[\d\s().\-/]{5,22}\d\s*$/
const PHONE_INSIDE = /\+\d[\d().\-/ ]{6,20}\d/g

/** Whether a whole value is an IP address or an international phone number. */
export function looksPersonal(text: string): 'ip' | 'phone' | undefined {
  if (text.length > 64 || text.length < 3) return undefined
  if (PHONE_WHOLE.test(text)) return 'phone'
  if ((text.includes('.') || text.includes(':')) && /^[[\]\s0-9a-fA-F:.]+$/.test(text) && canonicalIp(text) !== undefined) return 'ip'
  return undefined
}

/** Text with every e-mail address in it replaced. */
export function replaceEmails(text: string, replace: (address: string) => string): string {
  if (!text.includes('@') && !text.includes('%40')) return text
  return text.replace(EMAIL_INSIDE, replace)
}

/** Text with e-mail addresses and phone numbers, wherever they stand, cut out. */
export function redactText(text: string): string {
  const whole = looksPersonal(text)
  if (whole) return '[redacted]'
  return replaceEmails(text, () => '[redacted]').replace(PHONE_INSIDE, '[redacted]')
}
