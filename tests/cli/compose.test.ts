/** docker-compose.yml and Dockerfile as far as they can be looked at without an engine. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { createProgram } from '../../cli/program.ts'
import { readSettings, SETTING_VARIABLES } from '../../cli/settings.ts'
import { config } from '../../schemas/config.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

const service = z.object({
  image: z.string(),
  restart: z.string(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  volumes: z.array(z.string()).default([]),
  healthcheck: z.object({ test: z.array(z.string()), interval: z.string(), timeout: z.string() }).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  ports: z.array(z.string()).default([]),
  mem_limit: z.string().regex(/^\d+m$/),
})
const compose = z.object({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) })
const { services, volumes } = compose.parse(parse(read('docker-compose.yml'), { merge: true }))
const ours = Object.entries(services).filter(([, { image }]) => image.startsWith('kappa-growth:'))

/** A value as it is once the secrets are filled in. */
const filled = (value: string) => value.replace(/\$\{\w+:\?[^}]*\}/g, 'a-secret-of-more-than-32-characters')

it('has the roles on Kafka, ClickHouse and Redis, all of pinned versions', () => {
  expect(Object.keys(services).sort()).toEqual(['api', 'clickhouse', 'ingest', 'kafka', 'migrate', 'process', 'redis'])
  for (const { image } of Object.values(services)) expect(image).toMatch(/:\d+\.\d+/)
  const { version } = JSON.parse(read('package.json')) as { version: string }
  const commands = createProgram().commands.map((command) => command.name())
  for (const [name, { image, command }] of ours) {
    expect(image).toBe(`kappa-growth:${version}`)
    expect(command).toEqual([name])
    expect(commands).toContain(name)
  }
  const stages = [...read('Dockerfile').matchAll(/^FROM node:(\d+)\.\d+\.\d+-\S+/gm)].map((match) => match[1])
  expect(stages).toEqual([read('.nvmrc').trim(), read('.nvmrc').trim()])
})

it('gives the roles settings that there are, with values that they take', () => {
  const settings = new Map(
    Object.entries(SETTING_VARIABLES).map(([name, variable]) => [variable as string, name as keyof typeof config.shape]),
  )
  for (const [role, { environment }] of ours) {
    for (const [variable, value] of Object.entries(environment)) {
      const name = settings.get(variable)
      expect(name, `${role}: ${variable}`).toBeDefined()
      if (name !== undefined) expect(config.shape[name].safeParse(filled(value)).error, `${role}: ${variable}`).toBeUndefined()
    }
    const env = Object.fromEntries(Object.entries(environment).map(([variable, value]) => [variable, filled(value)]))
    expect(() => readSettings({ flags: {}, env, cwd: import.meta.dirname }), role).not.toThrow()
  }
})

it('asks for every secret and writes none down', () => {
  const asked = [...read('docker-compose.yml').matchAll(/\$\{(\w+):\?/g)].map((match) => match[1])
  const listed = [...read('docker/example.env').matchAll(/^(\w+)=(.*)$/gm)]
  expect([...new Set(asked)].sort()).toEqual(listed.map((match) => match[1]).sort())
  expect(listed.map((match) => match[2])).toEqual(listed.map(() => ''))
})

it('waits for what a service needs, and sees when it ails', () => {
  for (const [name, { healthcheck, depends_on: needs }] of Object.entries(services)) {
    if (name !== 'migrate') expect(healthcheck, name).toBeDefined()
    for (const [needed, { condition }] of Object.entries(needs)) {
      expect(services[needed], `${name} needs ${needed}`).toBeDefined()
      expect(condition).toBe(needed === 'migrate' ? 'service_completed_successfully' : 'service_healthy')
    }
  }
})

it('fits a host of 4 GB, and is open to this host only', () => {
  const total = Object.values(services).reduce((sum, { mem_limit: limit }) => sum + Number.parseInt(limit, 10), 0)
  expect(total).toBeLessThan(3_800)
  const server = Number(/<max_server_memory_usage>(\d+)</.exec(read('docker/clickhouse/server.xml'))?.[1])
  expect(server).toBeLessThan(0.8 * Number.parseInt(services['clickhouse']?.mem_limit ?? '0', 10) * 2 ** 20)
  for (const { ports } of Object.values(services)) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)
})

it('mounts what is there', () => {
  for (const { volumes: mounts } of Object.values(services)) {
    for (const mount of mounts) {
      const [source = '', target] = mount.split(':')
      if (target === undefined) continue
      if (source.startsWith('./')) expect(existsSync(join(ROOT, source)), source).toBe(true)
      else expect(volumes, source).toHaveProperty(source)
    }
  }
})

it('gives each instance of process a folder of its own, and the other roles none', () => {
  for (const [name, { volumes: mounts, environment }] of ours) {
    expect(mounts, name).toEqual(name === 'process' ? [environment['KAPPA_DATA']] : [])
  }
})

it("gives every table of ClickHouse's about itself an end", () => {
  const server = read('docker/clickhouse/server.xml')
  const kept = [...server.matchAll(/<(\w+_log)>([\s\S]*?)<\/\1>/g)]
  expect(kept.length).toBeGreaterThan(3)
  for (const [, name, body] of kept) expect(body, name).toMatch(/<ttl>event_date \+ INTERVAL \d+ DAY DELETE<\/ttl>/)
})

it('comes in the package with the files that it mounts and names', () => {
  const { files } = JSON.parse(read('package.json')) as { files: string[] }
  const named = [...read('docker-compose.yml').matchAll(/\bdocker\/[\w./-]+/g)].map(([path]) => path)
  expect(named.length).toBeGreaterThan(2)
  for (const path of named) {
    expect(existsSync(join(ROOT, path)), path).toBe(true)
    expect(
      files.some((kept) => path.startsWith(`${kept}/`)),
      path,
    ).toBe(true)
  }
})
