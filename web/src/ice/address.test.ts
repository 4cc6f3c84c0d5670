import { describe, expect, it } from 'vitest';
import { addressKind, hostPort, isLocal, isUseless } from './address';

describe('addressKind', () => {
  it.each([
    ['8.8.8.8', 'public'], ['172.15.0.1', 'public'], ['172.32.0.1', 'public'], ['100.63.255.255', 'public'], ['100.128.0.0', 'public'],
    ['10.0.0.1', 'private'], ['172.16.0.1', 'private'], ['172.31.255.255', 'private'], ['192.168.1.1', 'private'],
    ['100.64.0.1', 'cgn'], ['100.127.255.255', 'cgn'], ['127.0.0.53', 'loopback'], ['169.254.169.254', 'link-local'],
    ['0.0.0.0', 'unspecified'], ['192.0.2.1', 'reserved'], ['203.0.113.9', 'reserved'], ['198.19.255.255', 'reserved'], ['239.1.1.1', 'reserved'], ['255.255.255.255', 'reserved'],
    ['2606:4700::1', 'public'], ['fd00::2', 'private'], ['FE80::1', 'link-local'], ['::1', 'loopback'], ['::', 'unspecified'],
    ['2001:db8::1', 'reserved'], ['ff02::1', 'reserved'], ['::ffff:10.0.0.1', 'private'], ['[fd00::1]', 'private'],
    ['a0b1.local', 'hidden'], ['turn.example.org', 'name'], ['localhost', 'loopback'], ['1.2.3.256', 'name'],
  ])('%s is %s', (address, kind) => expect(addressKind(address)).toBe(kind));
});

it('tells what peers elsewhere and anywhere cannot reach', () => {
  expect(['private', 'cgn', 'link-local', 'loopback'].every((k) => isLocal(k as never))).toBe(true);
  expect(isLocal('public')).toBe(false);
  expect(isUseless('loopback') && isUseless('unspecified')).toBe(true);
  expect(isUseless('private')).toBe(false);
});

it('puts brackets around IPv6 once', () => {
  expect(hostPort('::1', 5)).toBe('[::1]:5');
  expect(hostPort('[::1]', 5)).toBe('[::1]:5');
  expect(hostPort('1.2.3.4', 5)).toBe('1.2.3.4:5');
});
