/** Bodies as Fastify's routes get them: bytes, since what takes them checks depth and size before it parses, and each counted while it is held. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { BODY_BYTES_MAX } from './decode-body.ts'
import { type BodyRoom, IncomingBody } from './incoming-body.ts'

/**
 * Makes the body of every request to this plugin a Buffer of at most `BODY_BYTES_MAX`. What it holds counts until the
 * answer is out; the function that this gives ends that sooner.
 */
export function readBodies(app: FastifyInstance, room: BodyRoom): (request: FastifyRequest) => void {
  const bodies = new WeakMap<FastifyRequest, IncomingBody>()
  const release = (request: FastifyRequest) => bodies.get(request)?.release()

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (request, payload, done) => {
    const body = new IncomingBody(room, BODY_BYTES_MAX)
    bodies.set(request, body)
    let isOver = false
    const end = (error: Error | null) => {
      if (isOver) return
      isOver = true
      if (error) body.release()
      done(error, body.bytes)
    }
    payload.on('data', (piece: Buffer) => {
      if (isOver) return
      try {
        body.add(piece)
      } catch (error) {
        end(error as Error)
      }
    })
    payload.on('end', () => end(null))
    payload.on('error', end)
  })
  app.addHook('onResponse', async (request) => release(request))
  app.addHook('onRequestAbort', async (request) => release(request))
  return release
}
