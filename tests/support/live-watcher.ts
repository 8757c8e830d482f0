/** Somebody who watches `/v1/live`: hears the `growth` messages of one connection, and whether it still stands. */
import type { LiveGrowth } from '../../schemas/growth-api.ts'

export interface LiveWatcher {
  /** Messages so far; the first one is the state as it was. */
  readonly heard: readonly LiveGrowth[]
  readonly isOpen: boolean
  close(): void
}

/** Resolves when the stream is open. Throws when the answer is no stream. */
export async function watchLive(url: string, key: string): Promise<LiveWatcher> {
  const ending = new AbortController()
  const response = await fetch(`${url}/v1/live`, { headers: { authorization: `Bearer ${key}` }, signal: ending.signal })
  if (response.status !== 200 || response.body === null) throw new Error(`/v1/live answers ${response.status} ${await response.text()}`)
  const watcher = { heard: [] as LiveGrowth[], isOpen: true, close: () => ending.abort() }
  const text = response.body.pipeThrough(new TextDecoderStream())
  const read = async () => {
    let rest = ''
    for await (const chunk of text) {
      const blocks = (rest + chunk).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1]
        if (data !== undefined && /^event: growth$/m.test(block)) watcher.heard.push(JSON.parse(data) as LiveGrowth)
      }
    }
  }
  const ended = () => {
    watcher.isOpen = false
  }
  void read().then(ended, ended)
  return watcher
}
