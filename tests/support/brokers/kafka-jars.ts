/**
 * The jars of Apache Kafka from Maven Central, fetched once into a folder outside the repository: KAPPA_TEST_CACHE, or
 * ~/.cache/kappa-test. What is fetched stands in the pom of each version beside this file.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'

/** Versions of Kafka that the integration tests run against: the oldest that is kept well, and the newest. */
export const KAFKA_VERSIONS = ['3.9', '4'] as const
export type KafkaVersion = (typeof KAFKA_VERSIONS)[number]

const FETCH_MS_MAX = 10 * 60_000

function run(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const output: Buffer[] = []
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: FETCH_MS_MAX })
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
    child.once('error', (cause) => reject(new Error(`${program} could not be started (scripts/install-integration.mjs)`, { cause })))
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}:\n${Buffer.concat(output).toString().slice(-4_000)}`))
    })
  })
}

/** Folder with the jars of a version; fetched with Maven when it isn't there. Rejects with Maven's output when that fails. */
export async function kafkaJars(version: KafkaVersion): Promise<string> {
  const pom = join(import.meta.dirname, `kafka-${version}.pom.xml`)
  const exact = /kafka_2\.13<\/artifactId>\s*<version>([^<]+)</.exec(await readFile(pom, 'utf8'))?.[1]
  if (exact === undefined) throw new Error(`${pom} names no version of Kafka`)
  const cache = process.env['KAPPA_TEST_CACHE'] ?? join(homedir(), '.cache', 'kappa-test')
  const folder = join(cache, `kafka-${exact}`)
  if (existsSync(folder)) return folder
  await mkdir(cache, { recursive: true })
  const fresh = await mkdtemp(join(cache, `fetching-kafka-${exact}-`))
  try {
    await run('mvn', [
      '--batch-mode',
      '--quiet',
      `--file=${pom}`,
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${fresh}`,
    ])
    // Whole or not at all, also when two test runs fetch at once.
    await rename(fresh, folder)
  } catch (cause) {
    if (!existsSync(folder)) throw cause
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return folder
}
