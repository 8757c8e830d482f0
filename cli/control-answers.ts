/** How the control app takes requests and answers them, line by line where it takes long. */
import { PassThrough } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { z } from 'zod'
import { CommandError, describeError } from './command-error.ts'
import type { ControlFailure } from './control-messages.ts'

/** The value as the schema has it. Throws CommandError `parameter_invalid`. */
export function valid<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new CommandError('parameter_invalid', `${issue?.path.join('.') || 'the request'}: ${issue?.message ?? 'is not valid'}`)
}

/** Answers with NDJSON as the work goes on. The work is finished even when nobody listens any longer. */
export function answerLines<Line extends { readonly kind: string }>(
  reply: FastifyReply,
  work: (write: (line: Line | { readonly kind: 'failure'; readonly failure: ControlFailure }) => void) => Promise<void>,
): FastifyReply {
  const output = new PassThrough()
  output.on('error', () => {})
  const write = (line: object) => {
    if (!output.destroyed) output.write(`${JSON.stringify(line)}\n`)
  }
  work(write)
    .catch((error: unknown) => write({ kind: 'failure', failure: describeError(error) }))
    .finally(() => output.end())
    .catch(() => {})
  return reply.type('application/x-ndjson').send(output)
}
