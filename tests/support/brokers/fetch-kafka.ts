/** Before the integration tests: every version of Kafka they start is on this machine, so that no test waits for a download. */
import { KAFKA_VERSIONS, kafkaJars } from './kafka-jars.ts'

export default async function fetchKafka(): Promise<void> {
  for (const version of KAFKA_VERSIONS) await kafkaJars(version)
}
