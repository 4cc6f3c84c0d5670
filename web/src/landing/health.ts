// What the server says of itself, as lines with a level.
import type { Status } from '../api';
import type { Level, Message } from '../ice/verdict';

export interface Line { name: 'home.stun' | 'home.turn' | 'home.tls'; level: Level; message: Message }

const SOON_DAYS = 14;

function service(name: 'home.stun' | 'home.turn', text: string): Line {
  return text === 'ok' ? { name, level: 'ok', message: { key: 'home.works' } } : { name, level: 'fail', message: { key: 'home.broken', params: { text } } };
}

function certificate({ status, days }: Status['tls']): Line {
  const line = (level: Level, message: Message): Line => ({ name: 'home.tls', level, message });
  if (status === 'self-signed') return line('warn', { key: 'home.selfSigned' });
  if (status === 'none') return line('warn', { key: 'home.noTls' });
  if (status !== 'ok') return line('fail', { key: 'home.broken', params: { text: status } });
  if (days === undefined) return line('ok', { key: 'home.works' });
  if (days <= 0) return line('fail', { key: 'home.certificateOver' });
  return line(days < SOON_DAYS ? 'warn' : 'ok', { key: days < SOON_DAYS ? 'home.certificateSoon' : 'home.certificate', params: { days } });
}

export const health = (s: Status): Line[] => [service('home.stun', s.stun), service('home.turn', s.turn), certificate(s.tls)];
