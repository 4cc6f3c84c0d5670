// What the server says of itself, as lines with a level.
import type { Status } from '../api';
import type { Level, Message } from '../ice/verdict';

/** A line without a level is neither good nor bad. */
export interface Line { name: 'home.stun' | 'home.turn' | 'home.tls'; level?: Level; message: Message }

const SOON_DAYS = 14;

function service(name: 'home.stun' | 'home.turn', state: string): Line {
  switch (state) {
    case 'ok': return { name, level: 'ok', message: { key: 'home.works' } };
    case 'off': return { name, message: { key: 'home.off' } };
    case 'starting': return { name, message: { key: 'home.starting' } };
    case 'failed': return { name, level: 'fail', message: { key: 'home.failed' } };
    default: return { name, level: 'fail', message: { key: 'home.broken', params: { text: state } } };
  }
}

function certificate({ status, days = 0 }: Status['tls']): Line {
  const line = (level: Level, message: Message): Line => ({ name: 'home.tls', level, message });
  switch (status) {
    case 'self-signed': return line('warn', { key: 'home.selfSigned' });
    case 'off': return line('warn', { key: 'home.noTls' });
    case 'expired': return line('fail', { key: 'home.certificateOver' });
    case 'ok': return line(days < SOON_DAYS ? 'warn' : 'ok', { key: days < SOON_DAYS ? 'home.certificateSoon' : 'home.certificate', params: { days } });
    default: return line('fail', { key: 'home.broken', params: { text: status } });
  }
}

export const health = (s: Status): Line[] => [service('home.stun', s.stun), service('home.turn', s.turn), certificate(s.tls)];

/** The server has not tested itself yet: it is worth asking again soon. */
export const isStarting = (s: Status): boolean => s.stun === 'starting' || s.turn === 'starting';
