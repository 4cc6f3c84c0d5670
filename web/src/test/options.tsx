// How the test is done.
import type { ComponentChildren } from 'preact';
import { t } from '../i18n';
import { clampPool, MAX_POOL } from '../ice/fragment';
import type { Saved } from './storage';

interface OptionsProps {
  settings: Saved;
  disabled: boolean;
  onChange: (change: Partial<Saved>) => void;
}

/** A setting, and under it what it means: a phone has no pointer to hover with. */
function Option({ hint, text, children }: { hint: string; text: string; children: ComponentChildren }) {
  return <div class="option">{children}<span class="small soft" id={hint}>{text}</span></div>;
}

export function Options({ settings, disabled, onChange }: OptionsProps) {
  const check = (name: 'throughput' | 'microphone' | 'keepPasswords') => (
    <Option hint={`hint-${name}`} text={t(`test.${name}Hint`)}>
      <label class="check">
        <input type="checkbox" checked={settings[name]} disabled={disabled} aria-describedby={`hint-${name}`}
          onChange={(e) => onChange({ [name]: e.currentTarget.checked })} />
        {t(`test.${name}`)}
      </label>
    </Option>
  );
  const policy = (value: RTCIceTransportPolicy, name: 'test.policyAll' | 'test.policyRelay') => (
    <label class="check">
      <input type="radio" name="policy" checked={settings.policy === value} disabled={disabled} aria-describedby="hint-policy" onChange={() => onChange({ policy: value })} />
      {t(name)}
    </label>
  );
  return (
    <section class="panel" aria-labelledby="options">
      <h2 id="options">{t('test.options')}</h2>
      <div class="options">
        <Option hint="hint-policy" text={t('test.policyHint')}>
          <fieldset><legend class="gone">{t('test.policy')}</legend><span class="small" aria-hidden="true">{t('test.policy')}</span>{policy('all', 'test.policyAll')}{policy('relay', 'test.policyRelay')}</fieldset>
        </Option>
        <Option hint="hint-pool" text={t('test.poolHint')}>
          <label class="check">{t('test.pool')}
            <input type="number" min={0} max={MAX_POOL} value={settings.pool} disabled={disabled} aria-describedby="hint-pool"
              onChange={(e) => onChange({ pool: clampPool(e.currentTarget.value) })} />
          </label>
        </Option>
        {check('throughput')}{check('microphone')}{check('keepPasswords')}
      </div>
    </section>
  );
}
