// The pages of the site: the path that a person sees, and the HTML file behind
// it. The handler in internal/web has the same list from the built folder.
export const pages = {
  '/': 'index.html',
  '/test': 'test.html',
  '/demos/': 'demos/index.html',
  '/demos/conference': 'demos/conference.html',
  '/demos/one-to-one': 'demos/one-to-one.html',
  '/demos/screen': 'demos/screen.html',
  '/demos/chat': 'demos/chat.html',
} as const;
