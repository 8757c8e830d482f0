import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends a run with `N passed, N failed` alone on a line, so that scripts can sum suites. A file that could not be
 * loaded, and an error outside of any test, count as failures; skipped tests count as neither.
 */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0
    let failed = unhandledErrors.length
    for (const module of modules) {
      failed += module.errors().length
      for (const suite of module.children.allSuites()) failed += suite.errors().length
      for (const test of module.children.allTests()) {
        const state = test.result().state
        if (state === 'passed') passed += 1
        else if (state === 'failed') failed += 1
      }
    }
    if (modules.length === 0) failed += 1
    process.on('exit', () => process.stdout.write(`\n${passed} passed, ${failed} failed\n`))
  }
}
