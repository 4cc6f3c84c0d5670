// The pages of the site. They are one shell, which differs in its script alone;
// the handler in internal/web finds them in the built folder.

export interface Page {
  path: string; // that a person sees
  file: string; // in the built folder
  script: string;
  call?: boolean; // needs the library of the calls and what that needs
}

export const pages: readonly Page[] = [
  { path: '/', file: 'index.html', script: '/src/landing/main.tsx' },
  { path: '/test', file: 'test.html', script: '/src/test/main.tsx' },
  { path: '/demos/', file: 'demos/index.html', script: '/src/demos/index-page.tsx' },
  { path: '/demos/conference', file: 'demos/conference.html', script: '/src/demos/conference.tsx', call: true },
  { path: '/demos/one-to-one', file: 'demos/one-to-one.html', script: '/src/demos/one-to-one.tsx', call: true },
  { path: '/demos/screen', file: 'demos/screen.html', script: '/src/demos/screen.tsx', call: true },
  { path: '/demos/chat', file: 'demos/chat.html', script: '/src/demos/chat.tsx', call: true },
  { path: '/404', file: '404.html', script: '/src/notfound/main.tsx' },
];
