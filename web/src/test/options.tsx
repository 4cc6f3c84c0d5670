// How the test is done.
import { t } from '../i18n';
import { clampPool, MAX_POOL } from '../ice/fragment';
import type { Saved } from './storage';

interface OptionsProps {
  settings: Saved;
  disabled: boolean;
  onChange: (change: Partial<Saved>) => void;
}

export function Options({ settings, disabled, onChange }: OptionsProps) {
  const check = (name: 'throughput' | 'microphone' | 'keepPasswords') => (
    <label class="check" title={t(`test.${name}Hint`)}>
      <input type="checkbox" checked={settings[name]} disabled={disabled} aria-describedby={`hint-${name}`}
        onChange={(e) => onChange({ [name]: e.currentTarget.checked })} />
      {t(`test.${name}`)}
      <span class="gone" id={`hint-${name}`}>{t(`test.${name}Hint`)}</span>
    </label>
  );
  const policy = (value: RTCIceTransportPolicy, name: 'test.policyAll' | 'test.policyRelay') => (
    <label class="check">
      <input type="radio" name="policy" checked={settings.policy === value} disabled={disabled} onChange={() => onChange({ policy: value })} />
      {t(name)}
    </label>
  );
  return (
    <section class="panel" aria-labelledby="options">
      <h2 id="options">{t('test.options')}</h2>
      <div class="options">
        <fieldset><legend class="gone">{t('test.policy')}</legend><span class="small" aria-hidden="true">{t('test.policy')}</span>{policy('all', 'test.policyAll')}{policy('relay', 'test.policyRelay')}</fieldset>
        <label class="check" title={t('test.poolHint')}>{t('test.pool')}
          <input type="number" min={0} max={MAX_POOL} value={settings.pool} disabled={disabled} aria-describedby="hint-pool"
            onChange={(e) => onChange({ pool: clampPool(e.currentTarget.value) })} />
          <span class="gone" id="hint-pool">{t('test.poolHint')}</span>
        </label>
        {check('throughput')}{check('microphone')}{check('keepPasswords')}
      </div>
    </section>
  );
}
