import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/**
 * The dashboard as static files under dist/dashboard. Nothing is inlined (`assetsInlineLimit: 0`) so that the page runs
 * under `default-src 'self'`; the targets are the first browsers with CSS `light-dark()` and the Popover API.
 */
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  plugins: [react()],
  build: {
    outDir: '../dist/dashboard',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ['chrome123', 'firefox125', 'safari17.5'],
  },
})
