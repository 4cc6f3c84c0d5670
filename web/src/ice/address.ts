// What an IP address is good for, as far as its digits tell.

export type AddressKind =
  | 'public' | 'private' | 'cgn' | 'loopback' | 'link-local' | 'unspecified' | 'reserved' | 'hidden' | 'name';

const V4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** The four bytes of an IPv4 address, or nothing. */
function octets(text: string): [number, number, number, number] | undefined {
  const m = V4.exec(text);
  if (!m) return undefined;
  const all = m.slice(1).map(Number);
  return all.every((n) => n <= 255) ? (all as [number, number, number, number]) : undefined;
}

/** Networks with a meaning of their own; what is in none is public. */
const NETWORKS: [network: string, bits: number, kind: AddressKind][] = [
  ['0.0.0.0', 8, 'unspecified'],
  ['127.0.0.0', 8, 'loopback'],
  ['10.0.0.0', 8, 'private'], ['172.16.0.0', 12, 'private'], ['192.168.0.0', 16, 'private'],
  ['100.64.0.0', 10, 'cgn'],
  ['169.254.0.0', 16, 'link-local'],
  // For documents, for benchmarks, for groups and for nobody.
  ['192.0.2.0', 24, 'reserved'], ['198.51.100.0', 24, 'reserved'], ['203.0.113.0', 24, 'reserved'],
  ['198.18.0.0', 15, 'reserved'], ['224.0.0.0', 3, 'reserved'],
];

const asNumber = ([a, b, c, d]: [number, number, number, number]): number => ((a * 256 + b) * 256 + c) * 256 + d;

function kindOf4(address: [number, number, number, number]): AddressKind {
  const within = (network: string, bits: number) => {
    const first = octets(network);
    const size = 2 ** (32 - bits);
    return first !== undefined && Math.floor(asNumber(address) / size) === Math.floor(asNumber(first) / size);
  };
  return NETWORKS.find(([network, bits]) => within(network, bits))?.[2] ?? 'public';
}

function kindOf6(text: string): AddressKind {
  const mapped = /^::(?:ffff:)?(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const inside = mapped?.[1] === undefined ? undefined : octets(mapped[1]);
  if (inside) return kindOf4(inside);
  if (text === '::') return 'unspecified';
  if (text === '::1') return 'loopback';
  if (/^fe[89ab]/.test(text)) return 'link-local';
  if (/^f[cd]/.test(text)) return 'private';
  if (/^(ff|2001:0?db8:|100::)/.test(text)) return 'reserved';
  return 'public';
}

/** The kind of an address as it stands in a candidate or a URL; brackets are allowed. */
export function addressKind(address: string): AddressKind {
  const text = address.replace(/^\[|\]$/g, '').toLowerCase();
  // Browsers hide local addresses from pages behind names of multicast DNS.
  if (text.endsWith('.local')) return 'hidden';
  const v4 = octets(text);
  if (v4) return kindOf4(v4);
  return text.includes(':') ? kindOf6(text) : text === 'localhost' ? 'loopback' : 'name';
}

/** Only peers in the same network can reach such an address. */
export const isLocal = (kind: AddressKind): boolean => kind === 'private' || kind === 'cgn' || kind === 'link-local' || kind === 'loopback';

/** No peer anywhere can reach such an address. */
export const isUseless = (kind: AddressKind): boolean => kind === 'unspecified' || kind === 'loopback';

/** An address and a port as one string, with brackets where IPv6 needs them. */
export const hostPort = (host: string, port: number | string): string =>
  `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
