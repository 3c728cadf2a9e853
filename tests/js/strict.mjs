// One value, one encoding: what section 1 and 2 of docs/format.md ask of every byte.

import { webcrypto, createHash } from 'node:crypto';
import { Sign1 } from '@auth0/cose';
import { decodeAll } from './cbor.mjs';
import { FormError, refuse } from './refuse.mjs';

export { FormError, refuse };

export const sha256 = (...parts) => parts.reduce((h, part) => h.update(part), createHash('sha256')).digest();
export const hex = (raw) => Buffer.from(raw).toString('hex');
export const same = (a, b) => Buffer.compare(a, b) === 0;

export const RECORD_MAX = 60_000;
export const ZEROS = Buffer.alloc(32);
const UINT64_MAX = (1n << 64n) - 1n;
const PRIME = (1n << 255n) - 19n;
const ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
const SMALL_ORDER = new Set([0n, 1n, PRIME - 1n, ORDER_8, PRIME - ORDER_8]);

export function decode(raw, most) {
  if (!(raw instanceof Uint8Array)) refuse('no byte string');
  if (raw.length > most) refuse(`${raw.length} bytes, at most ${most}`);
  return decodeAll(Buffer.from(raw));
}

export const array = (value, length) =>
  (Array.isArray(value) && value.length === length ? value : refuse(`no array of ${length}`));

export const list = (value, most, least = 0) => (Array.isArray(value) && value.length <= most && value.length >= least
  ? value : refuse(`no array of ${least} to ${most}`));

export function uint(value, most = UINT64_MAX, least = 0) {
  const whole = typeof value === 'bigint' || Number.isSafeInteger(value);
  return whole && value >= least && value <= most ? value : refuse(`no number from ${least} to ${most}`);
}

export const octets = (value, ...lengths) =>
  (value instanceof Uint8Array && lengths.includes(value.length) ? value : refuse(`not ${lengths} bytes`));

// A key that can name an owner: y below the prime, no point of small order.
export function publicKey(value) {
  const y = BigInt(`0x${Buffer.from(octets(value, 32)).reverse().toString('hex')}`) & ((1n << 255n) - 1n);
  return y < PRIME && !SMALL_ORDER.has(y) ? value : refuse('a key under which anybody can sign');
}

export const text = (value, most = 64) =>
  (typeof value === 'string' && Buffer.byteLength(value) <= most ? value : refuse('no short text'));

export const gateway = (value) =>
  (/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/.test(text(value)) ? value : refuse('no gateway id'));

// Payload and signature check of the single form of COSE_Sign1; the library does the COSE part.
export function sign1(raw, most) {
  if (!(raw instanceof Uint8Array) || raw[0] !== 0xd2) refuse('no tag 18');
  const [head, unprotected, payload, signature] = array(decode(raw.subarray(1), most - 1), 4);
  if (!(head instanceof Uint8Array) || !same(head, Buffer.from('a10127', 'hex'))) refuse('not EdDSA');
  if (!(unprotected instanceof Map) || unprotected.size > 0) refuse('unprotected header');
  if (!(payload instanceof Uint8Array)) refuse('no payload inside');
  octets(signature, 64);
  return { payload, holds: (key, domain) => holds(raw, key, domain) };
}

async function holds(raw, key, domain) {
  try {
    const loaded = await webcrypto.subtle.importKey('raw', key, { name: 'Ed25519' }, true, ['verify']);
    await Sign1.decode(Buffer.from(raw)).verify(loaded, { externalAAD: Buffer.from(domain) });
    return true;
  } catch {
    return false;
  }
}
