// The first page: how the server is, and where to go.
import '../styles/demos.css';
import '../styles/landing.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import { askServer, fetchStatus, linkKey, type Credentials, type Status } from '../api';
import { language, relative, t, type StringKey } from '../i18n';
import { Copy, LevelBadge, mount, Note, Site } from '../ui/site';
import { health, isStarting } from './health';
import { snippets } from './snippets';

function Health({ status }: { status: Status | undefined | 'loading' }) {
  if (status === 'loading') return <p class="soft" role="status">{t('home.checking')}</p>;
  if (!status) return <Note level="warn">{t('home.unknown')}</Note>;
  const lines = health(status);
  const whole = lines.every((line) => line.level !== 'fail');
  return (
    <section class="panel" aria-labelledby="health">
      <h2 id="health">{t(whole ? 'home.up' : 'home.partly')}</h2>
      <ul class="health">
        {lines.map(({ name, level, message }) => (
          <li key={name}><LevelBadge level={level} /><strong>{t(name)}</strong><span>{t(message.key, message.params)}</span></li>
        ))}
      </ul>
      <p class="row small soft"><code>{status.host}</code><Copy text={status.host} what={status.host} /><span>{t('home.version', { version: status.version })}</span></p>
    </section>
  );
}

function Doors() {
  const door = (to: string, title: StringKey, text: StringKey) => (
    <li key={to}><a class="door" href={to} onClick={to.startsWith('#') ? jump : undefined}><strong>{t(title)}</strong><span class="soft">{t(text)}</span></a></li>
  );
  return (
    <nav aria-label={t('home.doors')}>
      <ul class="doors">
        {door('/test', 'home.doorTest', 'home.doorTestText')}
        {door('/demos/', 'home.doorTry', 'home.doorTryText')}
        {door('#use', 'home.doorUse', 'home.doorUseText')}
      </ul>
    </nav>
  );
}

/** The fragment is for keys: the jump leaves it alone. */
function jump(e: Event): void {
  e.preventDefault();
  const use = document.getElementById('use');
  use?.scrollIntoView();
  use?.focus();
}

/** Tabs with the keys that tabs have: arrows, Home, End. */
function Snippets({ servers }: { servers: RTCIceServer[] }) {
  const [at, setAt] = useState(0);
  const tabs = useRef<(HTMLButtonElement | null)[]>([]);
  const go = (to: number) => { setAt(to); tabs.current[to]?.focus(); };
  const onKeyDown = (e: KeyboardEvent) => {
    const last = snippets.length - 1;
    const to = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last }[e.key];
    if (to !== undefined) { e.preventDefault(); go(to); }
  };
  const code = snippets[at]?.code(servers) ?? '';
  return (
    <>
      <div class="tabs" role="tablist" aria-label={t('snippet.tabs')} onKeyDown={onKeyDown}>
        {snippets.map(({ name }, i) => (
          <button key={name} type="button" role="tab" id={`tab-${i}`} aria-selected={i === at} aria-controls="snippet" tabIndex={i === at ? 0 : -1}
            ref={(el) => { tabs.current[i] = el; }} onClick={() => setAt(i)}>{t(name)}</button>
        ))}
      </div>
      <div id="snippet" role="tabpanel" aria-labelledby={`tab-${at}`} class="stack">
        <pre tabIndex={0}><code>{code}</code></pre>
        <div><Copy text={code} /></div>
      </div>
    </>
  );
}

function Use({ credentials, asked }: { credentials: Credentials | undefined; asked: Date }) {
  const body = () => {
    if (!credentials) return <p class="soft" role="status">{t('home.waitCredentials')}</p>;
    if (credentials.state === 'refused') return <Note level="warn">{t('home.useNoKey')}</Note>;
    if (credentials.state !== 'ok') return <Note>{t(credentials.state === 'absent' ? 'home.useNoKey' : `key.${credentials.state}`)}</Note>;
    const ends = new Date(asked.getTime() + credentials.ttl * 1000);
    return (
      <>
        <Snippets servers={credentials.iceServers} />
        {credentials.ttl > 0 && <p class="small soft" title={ends.toLocaleString(language())}>{t('home.useTtl', { when: relative(ends) })}</p>}
      </>
    );
  };
  return <section class="panel" id="use" tabIndex={-1} aria-labelledby="use-title"><h2 id="use-title">{t('home.use')}</h2>{body()}</section>;
}

const ASK_AGAIN_MS = 2000;

function LandingPage() {
  const [key] = useState(linkKey);
  const [asked] = useState(() => new Date());
  const [status, setStatus] = useState<Status | undefined | 'loading'>('loading');
  const [credentials, setCredentials] = useState<Credentials>();
  useEffect(() => {
    void askServer(key, 'start page').then((answer) => { setStatus(answer.status); setCredentials(answer.credentials); });
  }, [key]);
  useEffect(() => {
    if (typeof status !== 'object' || !isStarting(status)) return;
    const timer = setTimeout(() => void fetchStatus().then(setStatus), ASK_AGAIN_MS);
    return () => clearTimeout(timer);
  }, [status]);
  return (
    <Site title="home.title" here="/">
      <div class="head"><div><h1>{t('home.title')}</h1><p class="soft">{t('home.sentence')}</p></div></div>
      <Health status={status} />
      <Doors />
      <Use credentials={credentials} asked={asked} />
    </Site>
  );
}

mount(LandingPage);
