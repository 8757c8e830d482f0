/** Requests one after another on one connection, and how long each took until its whole answer was there. */
import { openSocket, PipelinedConnection, type ServerAddress } from './bench-connection.ts'
import { getPath } from './bench-requests.ts'

export interface RoundTripsJob extends ServerAddress {
  readonly key: string
  readonly paths: readonly string[]
}

/** Milliseconds of each path, in their order. Rejects when one is not answered with 200. */
export async function runRoundTrips(job: RoundTripsJob): Promise<number[]> {
  let answered: (outcome: Error | undefined) => void = () => {}
  const connection = new PipelinedConnection(
    await openSocket(job),
    ({ status, body }) => answered(status === 200 ? undefined : new Error(`answered with ${status}: ${body.toString()}`)),
    (error) => answered(error),
  )
  const tookMs: number[] = []
  try {
    for (const [number, path] of job.paths.entries()) {
      const startedAtMs = performance.now()
      const failure = await new Promise<Error | undefined>((done) => {
        answered = done
        connection.send(getPath(job.key, path), number)
      })
      if (failure !== undefined) throw new Error(`${path} ${failure.message}`)
      tookMs.push(performance.now() - startedAtMs)
    }
  } finally {
    connection.close()
  }
  return tookMs
}
