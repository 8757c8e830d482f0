/** The log that the settings name: the embedded one in the data folder, or topics of a Kafka cluster. */
import type { KafkaLogOptions } from '../ingest/log/kafka.ts'
import type { Config } from '../schemas/config.ts'
import { readKafkaPlace } from '../schemas/kafka-place.ts'
import { CommandError } from './command-error.ts'

/** How to reach the cluster, as `openKafkaLog` takes it, and what the names of its topics begin with. */
export type LogPlace = Pick<KafkaLogOptions, 'brokers' | 'ssl' | 'sasl' | 'replicationFactor'> & { readonly prefix: string }

/** Undefined for the embedded log. Throws CommandError `settings_invalid` for what `schemas/config.ts` would refuse. */
export function logPlace({ log }: Pick<Config, 'log'>): LogPlace | undefined {
  if (log === 'embedded:') return undefined
  const place = readKafkaPlace(log)
  if (typeof place === 'string') throw new CommandError('settings_invalid', `the log ${place}`)
  const { ssl, ...rest } = place
  return ssl ? { ...rest, ssl } : rest
}
