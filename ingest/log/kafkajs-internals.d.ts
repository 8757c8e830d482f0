/** The inner module of kafkajs 2.2.4 that `kafka-client.ts` mends; the package ships no types for it. */
declare module 'kafkajs/src/network/requestQueue/index.js' {
  class RequestQueue {
    readonly pending: readonly unknown[]
    scheduleCheckPendingRequests(): void
  }
  export default RequestQueue
}
