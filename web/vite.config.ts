import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { pages } from './pages.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  build: {
    outDir: here('../internal/web/dist'),
    // The folder is another package's, so emptying it has to be asked for;
    // public/.gitkeep comes back with every build.
    emptyOutDir: true,
    target: 'es2022',
    // A data: URL would need a wider policy for what it replaces.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: [...Object.values(pages), '404.html'].map((file) => here(file)) },
  },
});
