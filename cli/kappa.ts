#!/usr/bin/env -S node --max-semi-space-size=64
/** The `kappa` command. */
import process from 'node:process'
import { reportFailure } from './command-error.ts'
import { createProgram } from './program.ts'

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read the output has seen enough.
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

try {
  await createProgram().parseAsync()
} catch (error) {
  reportFailure(error)
}
