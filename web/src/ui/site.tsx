// What every page has: header, languages, footer, and the small parts.
import '../styles/base.css';
import { render, type ComponentChildren, type ComponentType } from 'preact';
import { useState } from 'preact/hooks';
import { fill, language, relative, setLanguage, t, useLanguage, useTitle, type Language, type StringKey } from '../i18n';
import { fragmentPairs } from '../ice/fragment';
import type { Level, Message } from '../ice/verdict';

const LANGUAGES: [Language, string][] = [['zh-CN', '中文'], ['en', 'EN']];

function Header({ here }: { here: string }) {
  const link = (to: string, name: StringKey) => <a href={to} aria-current={here === to ? 'page' : undefined}>{t(name)}</a>;
  return (
    <header class="bar">
      <div>
        <a class="brand" href="/"><img src="/icon.svg" alt="" width="24" height="24" />{t('site.name')}</a>
        <nav aria-label={t('site.nav')}>{link('/test', 'site.test')}{link('/demos/', 'site.demos')}</nav>
        <div class="languages" role="group" aria-label={t('site.language')}>
          {LANGUAGES.map(([code, name]) => (
            <button key={code} type="button" lang={code} aria-pressed={language() === code} onClick={() => setLanguage(code)}>{name}</button>
          ))}
        </div>
      </div>
    </header>
  );
}

/** A page: its title in the tab, its place in the navigation, and what is on it. */
export function Site({ title, here, children }: { title: StringKey; here: string; children: ComponentChildren }) {
  useTitle(title);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>{t('site.skip')}</a>
      <Header here={here} />
      <main id="main" tabIndex={-1}>{children}</main>
      <footer><a href="/licenses.txt">{t('site.licenses')}</a></footer>
    </>
  );
}

/** Fragments of these pages are settings, so the jump is made by hand. */
function skip(e: Event): void {
  e.preventDefault();
  document.getElementById('main')?.focus();
}

const SIGN: Record<Level, string> = { ok: '✓', warn: '!', fail: '✕' };

/** A level with its sign and its word: colour never stands alone. */
export function LevelBadge({ level }: { level: Level | undefined }) {
  if (!level) return <span class="level wait" aria-hidden="true">–</span>;
  return <span class={`level ${level}`}><span aria-hidden="true">{SIGN[level]}</span>{t(`level.${level}`)}</span>;
}

/** Places to fill in that are data, and look like it. */
const DATA = new Set(['address', 'host', 'fixed']);

/** A sentence with its addresses as data. */
export function Sentence({ of }: { of: Message }) {
  const parts = t(of.key).split(/(\{\w+\})/);
  return <>{parts.map((part) => (DATA.has(part.slice(1, -1)) ? <code>{fill(part, of.params)}</code> : fill(part, of.params)))}</>;
}

export function Note({ level, children }: { level?: Level | undefined; children: ComponentChildren }) {
  return <p class={`note ${level ?? ''}`} role="status">{children}</p>;
}

const COPIED_MS = 2000;

/** Copies a text and says whether it could. */
export function Copy({ text, label, what, disabled }: { text: string | (() => string); label?: string; what?: string; disabled?: boolean }) {
  const [state, setState] = useState<'idle' | 'done' | 'failed'>('idle');
  const copy = async () => {
    const value = typeof text === 'string' ? text : text();
    setState(await toClipboard(value) ? 'done' : 'failed');
    setTimeout(() => setState('idle'), COPIED_MS);
  };
  const said = state === 'idle' ? (label ?? t('copy')) : t(`copy.${state}`);
  // What is seen has to be part of what is read out.
  const full = what === undefined ? undefined : label === undefined ? t('copy.what', { what }) : `${label}: ${what}`;
  const name = state === 'idle' ? full : undefined;
  return (
    <button type="button" disabled={disabled} onClick={() => void copy()} aria-label={name}>
      <span aria-live="polite">{said}</span>
    </button>
  );
}

/** The clipboard belongs to secure pages; elsewhere a selection has to do. */
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'gone';
    document.body.append(area);
    area.select();
    // Deprecated, and the only way on a page without HTTPS.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

/** A time as people say it, with the exact one on hover. */
export function When({ at }: { at: Date }) {
  return <time dateTime={at.toISOString()} title={at.toLocaleString(language())}>{relative(at)}</time>;
}

/** Puts a page into its document; the whole of it speaks one language at a time. */
export function mount(Page: ComponentType): void {
  const Root = () => {
    useLanguage();
    return <Page />;
  };
  const app = document.getElementById('app');
  if (app) render(<Root />, app);
  // A link to another room, list or key, opened where its page is open already,
  // changes the fragment and nothing else: the page has to begin anew.
  addEventListener('hashchange', () => { if (fragmentPairs(location.hash).length > 0) location.reload(); });
}
