// What axe-core and a ruler find on a page.
import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** The serious and critical findings of axe-core, each with the elements. */
export async function serious(page) {
  await page.evaluate(await readFile(axe, 'utf8'));
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.filter((v) => ['serious', 'critical'].includes(v.impact))
    .map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join('; ')}`);
}

/** How far the page is wider than its window, in pixels. */
export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** What fingers have to hit and is lower than that, in pixels. */
export const small = (page, least) => page.evaluate((height) => [...document.querySelectorAll('button, summary, nav a, input, select, .check')]
  .filter((e) => e.checkVisibility() && !e.closest('.gone') && !(e.matches('input') && e.closest('.check')))
  .flatMap((e) => {
    const box = e.getBoundingClientRect();
    return box.height > 0 && box.height < height - 0.5 ? `${e.tagName} ${e.className} "${(e.textContent ?? '').slice(0, 30)}" ${box.width}x${box.height}` : [];
  }), least);

/** Words of buttons and of the navigation that stand on more than one line. */
export const broken = (page) => page.evaluate(() => {
  const lines = (e) => {
    const tops = [];
    const texts = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const range = document.createRange();
      range.selectNodeContents(texts.currentNode);
      tops.push(...[...range.getClientRects()].map((r) => r.top));
    }
    return tops.length > 0 && Math.max(...tops) - Math.min(...tops) > 10 ? 2 : 1;
  };
  return [...document.querySelectorAll('header a, header button, main button')]
    .filter((e) => e.checkVisibility() && lines(e) > 1).map((e) => e.textContent);
});
