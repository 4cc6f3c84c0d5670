// For paths that lead nowhere.
import { t } from '../i18n';
import { mount, Site } from '../ui/site';

function NotFoundPage() {
  return (
    <Site title="notFound.title" here="">
      <div class="head"><div><h1>{t('notFound.title')}</h1><p>{t('notFound.text', { path: location.pathname })}</p></div></div>
      <p class="row"><a class="button" href="/">{t('site.home')}</a><a class="button" href="/test">{t('site.test')}</a><a class="button" href="/demos/">{t('site.demos')}</a></p>
    </Site>
  );
}

mount(NotFoundPage);
