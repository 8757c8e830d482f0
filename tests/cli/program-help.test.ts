import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { createProgram } from '../../cli/program.ts'

/** Every command and subcommand with the words that lead to it. */
function commandsOf(parent: Command, path: readonly string[] = []): { path: string; command: Command }[] {
  return parent.commands.flatMap((command) => {
    const words = [...path, command.name()]
    return [{ path: words.join(' '), command }, ...commandsOf(command, words)]
  })
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part) })
  command.outputHelp()
  return text
}

const commands = commandsOf(createProgram())

describe('the commands', () => {
  it('are these', () => {
    expect(commands.map(({ path }) => path)).toEqual([
      'up',
      'ingest',
      'process',
      'api',
      'migrate',
      'import',
      'verify',
      'replay',
      'simulate',
      'sql',
      'keys',
      'keys list',
      'keys create',
      'keys revoke',
      'quarantine',
      'quarantine list',
      'quarantine retry',
      'quarantine discard',
      'doctor',
      'bench',
    ])
  })

  it.each(commands)('$path --help says what it does, with an example', ({ path, command }) => {
    const help = helpOf(command)
    expect(command.description()).toMatch(/^[A-Z].*\.$/s)
    expect(help).toContain('Example:')
    expect(help).toContain(`$ kappa ${path.split(' ')[0]}`)
  })

  it.each(commands.filter(({ path }) => !['up', 'ingest', 'process', 'api', 'keys', 'quarantine'].includes(path)))(
    '$path prints JSON for scripts',
    ({ command }) => {
      expect(command.options.map(({ long }) => long)).toContain('--json')
    },
  )

  it('take no secret on the command line', () => {
    for (const { command } of commands) {
      expect(command.options.map(({ long }) => long).filter((flag) => /password|secret|key/.test(flag ?? ''))).toEqual([])
    }
  })
})
