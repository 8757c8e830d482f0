/**
 * Installs what the integration tests and the faults run against and npm doesn't bring: a JDK and Maven (Apache Kafka),
 * Redis, kcat, a C compiler, Chromium. On Debian and its kin, by apt-get; elsewhere it names what is missing. Exits 1 when anything still is.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import process from 'node:process'

const JAVA_MIN = 17

/** What a program prints about its version; undefined when it can't be run. */
function versionOf(program, ...args) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  return status === 0 ? `${stdout}${stderr}` : undefined
}

const isJavaNewEnough = () => Number(/version "(\d+)/.exec(versionOf('java', '-version') ?? '')?.[1] ?? 0) >= JAVA_MIN

const needs = [
  { name: `Java ${JAVA_MIN} or later`, apt: 'openjdk-17-jdk-headless', isThere: isJavaNewEnough },
  { name: 'Maven', apt: 'maven', isThere: () => versionOf('mvn', '--version') !== undefined },
  { name: 'redis-server', apt: 'redis-server', isThere: () => versionOf('redis-server', '--version') !== undefined },
  { name: 'kcat', apt: 'kcat', isThere: () => versionOf('kcat', '-V') !== undefined },
  // `npm run faults` builds a library that makes the machine fail.
  { name: 'a C compiler', apt: 'build-essential', isThere: () => versionOf('cc', '--version') !== undefined },
  { name: 'Chromium', apt: 'chromium', isThere: () => existsSync(process.env.CHROMIUM_PATH ?? '/usr/bin/chromium') },
]

const missing = needs.filter(({ isThere }) => !isThere())
if (missing.length > 0 && versionOf('apt-get', '--version') !== undefined) {
  // A package of Debian must not start a Redis of its own on the machine: the tests start theirs.
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '--non-interactive']
  const environment = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1']
  const steps = [
    ['apt-get', 'update'],
    ['apt-get', 'install', '--yes', '--no-install-recommends', ...missing.map(({ apt }) => apt)],
  ]
  for (const step of steps) {
    const [program, ...args] = [...asRoot, ...environment, ...step]
    console.log(`install-integration: ${step.join(' ')}`)
    const { status, error } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    if (error !== undefined) console.error(`install-integration: ${error.message}`)
    if (status !== 0) break
  }
}

const still = needs.filter(({ isThere }) => !isThere())
for (const { name, apt } of still) console.error(`install-integration: ${name} is missing (Debian: apt-get install ${apt})`)
process.exitCode = still.length === 0 ? 0 : 1
