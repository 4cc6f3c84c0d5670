// Which language, and sentences in it.
import { useEffect, useState } from 'preact/hooks';
import { en, type StringKey } from './en';
import { zh } from './zh-CN';

export type Language = 'en' | 'zh-CN';
export type { StringKey };

export const languages: Record<Language, Record<StringKey, string>> = { 'en': en, 'zh-CN': zh };
const STORED = 'iceserver.language';

/** The language to begin with: what was chosen before, or what the browser prefers. */
export function firstLanguage(stored: string | null, preferred: readonly string[]): Language {
  if (stored === 'en' || stored === 'zh-CN') return stored;
  const liked = preferred.find((p) => /^(en|zh)\b/i.test(p));
  return liked?.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}

function remembered(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

let current: Language = typeof navigator === 'undefined' ? 'en' : firstLanguage(remembered(), navigator.languages);
const listeners = new Set<() => void>();

export const language = (): Language => current;

export function setLanguage(to: Language): void {
  current = to;
  try {
    localStorage.setItem(STORED, to);
  } catch { /* forgotten with the page, then */ }
  listeners.forEach((l) => l());
}

/** Fills {name} in; a name that is not given stays as it is, so that tests see it. */
export function fill(sentence: string, params: Record<string, string | number> = {}): string {
  return sentence.replace(/\{(\w+)\}/g, (all, name: string) => (name in params ? String(params[name]) : all));
}

export const t = (key: StringKey, params?: Record<string, string | number>): string => fill(languages[current][key], params);

/** "in 5 minutes", "2 hours ago", in the language of the page. */
export function relative(to: Date, now: Date = new Date()): string {
  const seconds = Math.round((to.getTime() - now.getTime()) / 1000);
  const format = new Intl.RelativeTimeFormat(current, { numeric: 'auto' });
  const size = Math.abs(seconds);
  if (size < 60) return format.format(seconds, 'second');
  if (size < 3600) return format.format(Math.round(seconds / 60), 'minute');
  if (size < 86400) return format.format(Math.round(seconds / 3600), 'hour');
  return format.format(Math.round(seconds / 86400), 'day');
}

/** Draws a component, and all in it, anew when the language changes. */
export function useLanguage(): void {
  const [, draw] = useState(0);
  useEffect(() => {
    const listener = () => draw((n) => n + 1);
    listeners.add(listener);
    return () => { listeners.delete(listener); };
  }, []);
}

/** Tells the document what it is and which language it speaks. */
export function useTitle(title: StringKey): void {
  useEffect(() => {
    document.documentElement.lang = current;
    document.title = title === 'home.title' ? t('site.name') : `${t(title)} · ${t('site.name')}`;
  });
}
