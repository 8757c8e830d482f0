/** Wall clock in epoch ms. Injected everywhere; only the wiring reads the real one. */
export interface Clock {
  nowMs(): number
}
