import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { GrowthClient, isRetryable } from './api/growth-client.ts'
import { GrowthClientContext } from './api/growth-client-context.ts'
import { ErrorBoundary } from './components/error-boundary.tsx'
import './design-tokens.css'
import './page-frame.css'

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, error) => failures < 3 && isRetryable(error),
      retryDelay: (attempt) => Math.min(8_000, 500 * 2 ** attempt),
      staleTime: 30_000,
    },
  },
})

const growthClient = new GrowthClient(() => Date.now())

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <ErrorBoundary>
      <QueryClientProvider client={queryClient}>
        <GrowthClientContext value={growthClient}>
          <App />
        </GrowthClientContext>
      </QueryClientProvider>
    </ErrorBoundary>
  </StrictMode>,
)
