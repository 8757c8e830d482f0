/** Where the control socket of a data folder is: in the folder itself, or, when that path is too long, under the temporary folder. */
import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { CommandError } from './command-error.ts'

/** Addresses of local sockets hold 104 bytes on BSD and macOS, 108 on Linux, with a NUL at the end. */
const PATH_BYTES_MAX = 100
/** Bound here first: a folder that only the owner enters, so that nobody connects before the mode is set. */
const BIRTH_FOLDER = '.s'

/** Path of the socket for a data folder; the same from every working folder. The data folder need not exist. */
export function controlSocketPath(dataPath: string): string {
  const inFolder = join(resolve(dataPath), 'kappa.sock')
  if (Buffer.byteLength(inFolder) <= PATH_BYTES_MAX) return inFolder
  const hash = createHash('sha256').update(realPathOf(dataPath)).digest('hex').slice(0, 24)
  return join(tmpdir(), `kappa-${process.getuid?.() ?? 'user'}-${hash}`, 'kappa.sock')
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}

/**
 * Lets `listen` bind the socket and puts it in place with mode 0600, over one that a crash left. Call with the data
 * folder locked. Rejects with CommandError `socket_folder_unsafe` when the temporary folder was prepared by somebody else.
 */
export async function placeControlSocket(dataPath: string, listen: (path: string) => Promise<unknown>): Promise<string> {
  const path = controlSocketPath(dataPath)
  const folder = dirname(path)
  if (folder !== resolve(dataPath)) ownFolder(folder)
  const birthFolder = join(folder, BIRTH_FOLDER)
  rmSync(birthFolder, { recursive: true, force: true })
  mkdirSync(birthFolder, { mode: 0o700 })
  const born = join(birthFolder, 'k')
  await listen(born)
  chmodSync(born, 0o600)
  renameSync(born, path)
  rmSync(birthFolder, { recursive: true, force: true })
  return path
}

function ownFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { mode, uid } = lstatSync(folder)
  const isOurs = (mode & 0o170000) === 0o040000 && (mode & 0o077) === 0 && (process.getuid === undefined || uid === process.getuid())
  if (isOurs) return
  throw new CommandError('socket_folder_unsafe', `${folder} is open to others: remove it, or take a data folder with a shorter path`)
}
