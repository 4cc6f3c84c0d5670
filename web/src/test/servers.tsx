// The list of servers and the form that edits one.
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n';
import { fromPasted, problemOf, type Draft, type Server, type ServerFields } from '../ice/server';

interface FormProps {
  server: ServerFields;
  onSave: (fields: ServerFields[]) => void;
  onCancel: () => void;
}

interface FieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
}

const plain = { class: 'mono', autocomplete: 'off', spellcheck: false };

/** The button stands beside the label and not inside it, so that each has its own name. */
function Password({ label, value, onInput }: FieldProps) {
  const id = useId();
  const [shown, setShown] = useState(false);
  const field = { ...plain, id, value, onInput: (e: { currentTarget: HTMLInputElement }) => onInput(e.currentTarget.value) };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <span class="secret">
        {shown ? <input {...field} type="text" /> : <input {...field} type="password" />}
        <button type="button" aria-label={t(shown ? 'test.hidePassword' : 'test.showPassword')} onClick={() => setShown(!shown)}>{t(shown ? 'test.hide' : 'test.show')}</button>
      </span>
    </div>
  );
}

function ServerForm({ server, onSave, onCancel }: FormProps) {
  const [draft, setDraft] = useState(server);
  const hint = useId();
  const first = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => first.current?.focus(), []);
  const set = (change: Partial<ServerFields>) => setDraft({ ...draft, ...change });
  const several = fromPasted(draft.url);
  const list = several.length > 1 || (several[0] !== undefined && several[0].url !== draft.url.trim());
  const problem = draft.url === '' || list ? undefined : problemOf(draft);
  const save = (e: Event) => {
    e.preventDefault();
    // A pasted list brings its own credentials; those of the form fill the gaps.
    onSave(list ? several.map((s) => ({ ...s, username: s.username || draft.username, credential: s.credential || draft.credential })) : [draft]);
  };
  const escape = (e: KeyboardEvent) => { if (e.key === 'Escape') { e.preventDefault(); onCancel(); } };
  return (
    <form class="form" onSubmit={save} onKeyDown={escape}>
      <label class="field">{t('test.url')}
        <input {...plain} type="text" inputMode="url" required ref={first} aria-describedby={hint} aria-invalid={problem !== undefined}
          value={draft.url} onInput={(e) => set({ url: e.currentTarget.value })} />
      </label>
      <label class="field">{t('test.username')}
        <input {...plain} type="text" value={draft.username} onInput={(e) => set({ username: e.currentTarget.value })} />
      </label>
      <Password label={t('test.password')} value={draft.credential} onInput={(credential) => set({ credential })} />
      <p class="wide small soft" id={hint} aria-live="polite">{problem ? t(problem.problem, problem.params) : t('test.urlHint')}</p>
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
  onChange: (servers: Draft[]) => void;
  onReset: () => void;
}

const blank: ServerFields = { url: '', username: '', credential: '', enabled: true, own: false };

const ADD = 'add-server';
const editButton = (s: Pick<Server, 'id'> | undefined): string => (s ? `edit-${s.id}` : ADD);
const removeButton = (s: Pick<Server, 'id'> | undefined): string => (s ? `remove-${s.id}` : ADD);

/** A button that goes away takes the focus along: this puts it on another one, once that is there. */
function useNextFocus(): (id: string) => void {
  const wanted = useRef<string>(undefined);
  useLayoutEffect(() => {
    const element = wanted.current === undefined ? null : document.getElementById(wanted.current);
    if (!element) return;
    wanted.current = undefined;
    element.focus();
  });
  return (id) => { wanted.current = id; };
}

export function Servers({ servers, disabled, onChange, onReset }: ServersProps) {
  const [editing, setEditing] = useState<string | undefined>();
  const focusNext = useNextFocus();
  const splice = (at: number, remove: number, ...add: Draft[]) => {
    const next: Draft[] = [...servers];
    next.splice(at, remove, ...add);
    onChange(next);
  };
  const close = (s?: Server) => {
    setEditing(undefined);
    focusNext(editButton(s));
  };
  const saveOver = (i: number, s: Server, fields: ServerFields[]) => {
    splice(i, 1, ...fields.map((f, n) => ({ ...f, own: false, ...(n === 0 ? { id: s.id } : {}) })));
    close(s);
  };
  const removeAt = (i: number) => {
    focusNext(removeButton(servers[i + 1] ?? servers[i - 1]));
    splice(i, 1);
  };
  return (
    <section class="panel" aria-labelledby="servers">
      <h2 id="servers">{t('test.servers')}</h2>
      {servers.length === 0 && <p class="soft">{t('test.empty')}</p>}
      <ul class="servers">
        {servers.map((s, i) => (
          <li key={s.id}>
            {editing === s.id
              ? <ServerForm server={s} onCancel={() => close(s)} onSave={(fields) => saveOver(i, s, fields)} />
              : <ServerLine server={s} disabled={disabled} onToggle={() => splice(i, 1, { ...s, enabled: !s.enabled })}
                  onEdit={() => setEditing(s.id)} onDuplicate={() => splice(i + 1, 0, { ...s, own: false, id: undefined })} onRemove={() => removeAt(i)} />}
          </li>
        ))}
        {editing === 'new' && <li><ServerForm server={blank} onCancel={() => close()} onSave={(fields) => { splice(servers.length, 0, ...fields); close(); }} /></li>}
      </ul>
      <div class="row">
        <button type="button" id={ADD} disabled={disabled || editing === 'new'} onClick={() => setEditing('new')}>+ {t('test.add')}</button>
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
      <label class="which check" onDblClick={disabled ? undefined : onEdit}>
        <input type="checkbox" checked={s.enabled} disabled={disabled} aria-label={t('test.enable', { url })} onChange={onToggle} />
        <span class="names">
          <span class="mono">{url}</span>
          {s.username !== '' && <span class="small soft">{t('test.user', { user: s.username })}</span>}
          {s.own && <span class="tag">{t('test.ownTag')}</span>}
        </span>
      </label>
      <div class="row">
        <button type="button" id={editButton(s)} disabled={disabled} aria-label={t('test.editOf', { url })} onClick={onEdit}>{t('test.edit')}</button>
        <button type="button" disabled={disabled} aria-label={t('test.duplicateOf', { url })} onClick={onDuplicate}>{t('test.duplicate')}</button>
        <button type="button" id={removeButton(s)} disabled={disabled} aria-label={t('test.removeOf', { url })} onClick={onRemove}>{t('test.remove')}</button>
      </div>
      {problem && s.enabled && <p class="problem">{t(problem.problem, problem.params)}</p>}
    </>
  );
}
