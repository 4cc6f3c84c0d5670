// The list of the demos.
import '../styles/demos.css';
import { useEffect, useState } from 'preact/hooks';
import { fetchStatus, linkKey } from '../api';
import { t, type StringKey } from '../i18n';
import { mount, Site } from '../ui/site';

const DEMOS: [path: string, title: StringKey, text: StringKey][] = [
  ['/demos/conference', 'demos.conference', 'demos.conferenceText'],
  ['/demos/one-to-one', 'demos.oneToOne', 'demos.oneToOneText'],
  ['/demos/screen', 'demos.screen', 'demos.screenText'],
  ['/demos/chat', 'demos.chat', 'demos.chatText'],
];

const ORIGINAL = '/demos/original/';

/** The original demos are there only where the operator has a copy of them. */
function useOriginal(): boolean {
  const [there, setThere] = useState(false);
  useEffect(() => { void fetchStatus().then((status) => setThere(status?.demos === true)); }, []);
  return there;
}

function DemosPage() {
  useState(linkKey);
  const original = useOriginal();
  const door = (path: string, title: StringKey, text: StringKey) => (
    <li key={path}><a class="door" href={path}><strong>{t(title)}</strong><span class="soft">{t(text)}</span></a></li>
  );
  return (
    <Site title="demos.title" here="/demos/">
      <div class="head"><div><h1>{t('demos.title')}</h1><p class="soft">{t('demos.intro')}</p></div></div>
      <ul class="doors">
        {DEMOS.map((demo) => door(...demo))}
        {original && door(ORIGINAL, 'demos.original', 'demos.originalText')}
      </ul>
    </Site>
  );
}

mount(DemosPage);
