// The list of servers and the form that edits one.
import { useState } from 'preact/hooks';
import { t } from '../i18n';
import { fromPasted, problemOf, type Server, type ServerFields } from '../ice/server';

interface FormProps {
  server: ServerFields;
  onSave: (fields: ServerFields[]) => void;
  onCancel: () => void;
}

function ServerForm({ server, onSave, onCancel }: FormProps) {
  const [draft, setDraft] = useState(server);
  const [shown, setShown] = useState(false);
  const set = (change: Partial<ServerFields>) => setDraft({ ...draft, ...change });
  const problem = problemOf(draft);
  const several = fromPasted(draft.url);
  const list = several.length > 1 || (several[0] !== undefined && several[0].url !== draft.url.trim());
  const save = (e: Event) => {
    e.preventDefault();
    // A pasted list brings its own credentials; those of the form fill the gaps.
    onSave(list ? several.map((s) => ({ ...s, username: s.username || draft.username, credential: s.credential || draft.credential })) : [draft]);
  };
  const common = { class: 'mono', autocomplete: 'off', spellcheck: false };
  const typed = (name: 'username' | 'credential') => (e: { currentTarget: HTMLInputElement }) => set({ [name]: e.currentTarget.value });
  return (
    <form class="form" onSubmit={save}>
      <label class="field">{t('test.url')}
        <input class="mono" type="text" inputMode="url" autocomplete="off" spellcheck={false} autoFocus required
          value={draft.url} onInput={(e) => set({ url: e.currentTarget.value })} />
      </label>
      <label class="field">{t('test.username')}
        <input {...common} type="text" value={draft.username} onInput={typed('username')} />
      </label>
      <label class="field">{t('test.password')}
        <span class="secret">
          {shown ? <input {...common} type="text" value={draft.credential} onInput={typed('credential')} />
            : <input {...common} type="password" value={draft.credential} onInput={typed('credential')} />}
          <button type="button" aria-pressed={shown} onClick={() => setShown(!shown)}>{t(shown ? 'test.hide' : 'test.show')}</button>
        </span>
      </label>
      <p class="wide small soft" aria-live="polite">{draft.url !== '' && problem && !list ? t(problem.problem, problem.params) : t('test.urlHint')}</p>
      <div class="wide row">
        <button type="submit">{t('test.save')}</button>
        <button type="button" class="bare" onClick={onCancel}>{t('test.cancel')}</button>
      </div>
    </form>
  );
}

export interface ServersProps {
  servers: Server[];
  disabled: boolean;
  onChange: (servers: ServerFields[]) => void;
  onReset: () => void;
}

const blank: ServerFields = { url: '', username: '', credential: '', enabled: true, own: false };

export function Servers({ servers, disabled, onChange, onReset }: ServersProps) {
  const [editing, setEditing] = useState<string | undefined>();
  const splice = (at: number, remove: number, ...add: ServerFields[]) => {
    const next: ServerFields[] = [...servers];
    next.splice(at, remove, ...add);
    onChange(next);
    setEditing(undefined);
  };
  return (
    <section class="panel" aria-labelledby="servers">
      <h2 id="servers">{t('test.servers')}</h2>
      {servers.length === 0 && <p class="soft">{t('test.empty')}</p>}
      <ul class="servers">
        {servers.map((s, i) => (
          <li key={s.id}>
            {editing === s.id
              ? <ServerForm server={s} onCancel={() => setEditing(undefined)} onSave={(fields) => splice(i, 1, ...fields.map((f) => ({ ...f, own: false })))} />
              : <ServerLine server={s} disabled={disabled} onToggle={() => splice(i, 1, { ...s, enabled: !s.enabled })}
                  onEdit={() => setEditing(s.id)} onDuplicate={() => splice(i + 1, 0, { ...s, own: false })} onRemove={() => splice(i, 1)} />}
          </li>
        ))}
        {editing === 'new' && <li><ServerForm server={blank} onCancel={() => setEditing(undefined)} onSave={(fields) => splice(servers.length, 0, ...fields)} /></li>}
      </ul>
      <div class="row">
        <button type="button" disabled={disabled || editing === 'new'} onClick={() => setEditing('new')}>+ {t('test.add')}</button>
        <button type="button" class="bare" disabled={disabled} title={t('test.resetHint')} onClick={onReset}>{t('test.reset')}</button>
      </div>
    </section>
  );
}

interface LineProps {
  server: Server;
  disabled: boolean;
  onToggle: () => void;
  onEdit: () => void;
  onDuplicate: () => void;
  onRemove: () => void;
}

function ServerLine({ server: s, disabled, onToggle, onEdit, onDuplicate, onRemove }: LineProps) {
  const problem = problemOf(s);
  const url = s.url;
  return (
    <>
      <label class="which check" onDblClick={onEdit}>
        <input type="checkbox" checked={s.enabled} disabled={disabled} aria-label={t('test.enable', { url })} onChange={onToggle} />
        <span class="mono">{url}</span>
        {s.username !== '' && <span class="small soft">{t('test.user', { user: s.username })}</span>}
        {s.own && <span class="tag">{t('test.ownTag')}</span>}
      </label>
      <div class="row">
        <button type="button" disabled={disabled} aria-label={t('test.editOf', { url })} onClick={onEdit}>{t('test.edit')}</button>
        <button type="button" disabled={disabled} aria-label={t('test.duplicateOf', { url })} onClick={onDuplicate}>{t('test.duplicate')}</button>
        <button type="button" disabled={disabled} aria-label={t('test.removeOf', { url })} onClick={onRemove}>{t('test.remove')}</button>
      </div>
      {problem && s.enabled && <p class="problem">{t(problem.problem, problem.params)}</p>}
    </>
  );
}
