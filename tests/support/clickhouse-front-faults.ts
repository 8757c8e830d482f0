/** What a test can make the ClickHouse front do wrong, and what the front tells it. */

export type FrontFault =
  /** Half of the answer, then an error as servers from 25.11 write it, or as those before. */
  | { readonly kind: 'error-in-answer'; readonly form: 'tagged' | 'bare' }
  /** Half of the answer, then the connection is gone; or the answer ends there as if it were whole. */
  | { readonly kind: 'cut-answer'; readonly isEndedCleanly: boolean }
  /** The statement is done, and the connection goes before a byte of the answer. */
  | { readonly kind: 'lost-answer' }
  /** A proxy's 503, or no more than a closed connection. Nothing is done. */
  | { readonly kind: 'refused'; readonly form: '503' | 'reset' }
  /** The answer comes so much later. */
  | { readonly kind: 'slow'; readonly ms: number }

export interface FaultOrder {
  readonly fault: FrontFault
  /** Requests that it hits. */
  readonly times: number
  /** Only those with this text in the statement. */
  readonly matching?: string
}

/** A request as the front saw it. */
export interface SeenRequest {
  readonly query: string
  readonly settings: Readonly<Record<string, string>>
  readonly params: readonly string[]
  readonly bodyBytes: number
  readonly contentEncoding: string
}

export type ToFront = { readonly order: FaultOrder } | { readonly ask: 'requests' }
export type FromFront = { readonly port: number } | { readonly ordered: true } | { readonly requests: readonly SeenRequest[] }
