// The HTML of the pages: there is no file for it, since all are the same.
import { join } from 'node:path';
import type { Plugin } from 'vite';
import type { Page } from './pages.ts';
import { en } from './src/i18n/en.ts';
import { zh } from './src/i18n/zh-CN.ts';

// Served from npm packages under the paths that every page of the library has.
const LIBRARY = ['/socket.io/socket.io.min.js', '/node_modules/webrtc-adapter/out/adapter.js', '/dist/RTCMultiConnection.min.js'];

/** The document of a page; without scripts it says so, in both languages. */
export function html({ script, call }: Page): string {
  const library = call ? LIBRARY.map((src) => `  <script src="${src}" defer vite-ignore></script>\n`).join('') : '';
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${en['site.name']}</title>
  <link rel="icon" href="/favicon.ico" sizes="32x32">
  <link rel="icon" href="/icon.svg" type="image/svg+xml">
${library}  <script type="module" src="${script}"></script>
</head>
<body>
  <div id="app"></div>
  <noscript>
    <main>
      <p class="note warn">${en['site.noScript']}</p>
      <p class="note warn" lang="zh-CN">${zh['site.noScript']}</p>
    </main>
  </noscript>
</body>
</html>
`;
}

/** Lets the build find the pages at the places where their files would be. */
export function shell(root: string, pages: readonly Page[]): Plugin {
  const byFile = new Map(pages.map((page) => [join(root, page.file), page]));
  return {
    name: 'shell',
    enforce: 'pre',
    resolveId: (id) => (byFile.has(id) ? id : undefined),
    load(id) {
      const page = byFile.get(id);
      return page && html(page);
    },
  };
}
