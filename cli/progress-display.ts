/** Progress on stderr: a bar on a terminal, elsewhere a plain line every few seconds. */
import process from 'node:process'
import { SingleBar } from 'cli-progress'

const LINE_INTERVAL_MS = 5_000
const BAR_FORMAT = '{bar} {percentage}%  {doing}'
const COUNTER_FORMAT = '{doing}'

export interface ProgressDisplay {
  /** `done` of `total` (0 where it is not known), and what is being done, in words. */
  update(done: number, total: number, doing: string): void
  /** Takes the bar away, so that other output may follow. */
  stop(): void
}

/** A display on stderr. */
export function createProgressDisplay(): ProgressDisplay {
  return process.stderr.isTTY ? barDisplay() : lineDisplay()
}

function barDisplay(): ProgressDisplay {
  let bar: SingleBar | undefined
  return {
    update(done, total, doing) {
      if (bar === undefined) {
        bar = new SingleBar({
          stream: process.stderr,
          format: total > 0 ? BAR_FORMAT : COUNTER_FORMAT,
          barCompleteChar: '\u2588',
          barIncompleteChar: '\u2591',
          barsize: 30,
          hideCursor: true,
          clearOnComplete: true,
          fps: 8,
        })
        bar.start(Math.max(1, total), done, { doing })
        return
      }
      if (total > 0) bar.setTotal(total)
      bar.update(done, { doing })
    },
    stop() {
      bar?.stop()
      bar = undefined
    },
  }
}

function lineDisplay(): ProgressDisplay {
  let toldAt = performance.now()
  return {
    update(done, total, doing) {
      if (performance.now() - toldAt < LINE_INTERVAL_MS) return
      toldAt = performance.now()
      const share = total > 0 ? `${Math.floor((100 * done) / total)}%  ` : ''
      process.stderr.write(`${share}${doing}\n`)
    },
    stop() {},
  }
}
