/** Rate limits that count per key. Drivers: in memory; Redis, shared by all instances (`ingest/limits/`). */

export interface RateLimit {
  /** Counts of one name never mix with those of another, such as `reads`. */
  readonly name: string
  /** Most calls within any `perMs`. */
  readonly max: number
  readonly perMs: number
}

export type RateVerdict =
  | { readonly isAllowed: true }
  /** Not counted; a call after this time is let through unless others come first. */
  | { readonly isAllowed: false; readonly retryAfterMs: number }

export interface RateLimits {
  /** Counts a call of `key`. Never rejects: a driver whose server is away counts on its own. */
  take(limit: RateLimit, key: string): Promise<RateVerdict>
}
