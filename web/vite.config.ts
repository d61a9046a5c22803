/** Builds the page into dist/web, where the hub serves it; `npx vite web` serves it with a hub at port 12000. */
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  build: { outDir: '../dist/web', emptyOutDir: true, target: 'es2023', chunkSizeWarningLimit: 2000 },
  worker: { format: 'es' },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:12000', ws: true } } },
});
