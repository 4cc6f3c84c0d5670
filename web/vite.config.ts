import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { pages } from './pages.ts';
import { shell } from './shell.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  plugins: [shell(here('.'), pages)],
  build: {
    outDir: here('../internal/web/dist'),
    // The folder is another package's, so emptying it has to be asked for;
    // public/.gitkeep comes back with every build.
    emptyOutDir: true,
    target: 'es2022',
    // A data: URL would need a wider policy for what it replaces.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: pages.map(({ file }) => here(file)) },
  },
});
