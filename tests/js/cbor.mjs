// Deterministic CBOR, and nothing else: docs/format.md, section 1. Maps become Map, floats become Float (1.0 is not 1),
// whole numbers become Number where that is exact and BigInt beyond.

import { FormError, refuse } from './refuse.mjs';

export class Float {
  constructor(value) {
    this.value = value;
  }
}

const NESTING_MAX = 12;
const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

// The one item in `raw`, and nothing behind it.
export function decodeAll(raw) {
  const [value, end] = decodeAt(raw, 0);
  return end === raw.length ? value : refuse('something follows');
}

// The item at `at`, and where it ends.
export function decodeAt(raw, at, depth = 0) {
  const [major, argument, next] = head(raw, at);
  if (major === 0) return [argument, next];
  if (major === 1) return [negative(argument), next];
  if (major === 2 || major === 3) {
    const end = next + length(argument, raw.length - next);
    const octets = raw.subarray(next, end);
    return [major === 2 ? octets : text(octets), end];
  }
  if (major === 6) refuse('a tag');
  if (major === 7) return [argument, next];
  if (depth >= NESTING_MAX) refuse('nested too deep');
  return major === 4 ? array(raw, next, argument, depth) : map(raw, next, argument, depth);
}

function array(raw, at, argument, depth) {
  const items = [];
  for (let left = length(argument, raw.length - at); left > 0; left -= 1) {
    const [value, next] = decodeAt(raw, at, depth + 1);
    items.push(value);
    at = next;
  }
  return [items, at];
}

function map(raw, at, argument, depth) {
  const items = new Map();
  let before = null;
  for (let left = length(argument, raw.length - at); left > 0; left -= 1) {
    const [key, begin] = decodeAt(raw, at, depth + 1);
    const encoded = raw.subarray(at, begin);
    if (before !== null && Buffer.compare(before, encoded) >= 0) refuse('keys that do not ascend');
    before = encoded;
    const [value, next] = decodeAt(raw, begin, depth + 1);
    items.set(key, value);
    at = next;
  }
  return [items, at];
}

// Major type, argument (of major type 7: the value) and where the head ends.
function head(raw, at) {
  if (at >= raw.length) refuse('cut off');
  const major = raw[at] >> 5;
  const low = raw[at] & 31;
  if (major === 7) return special(raw, at, low);
  if (low < 24) return [major, low, at + 1];
  if (low > 27) refuse('an indefinite length, or a head that is reserved');
  const size = 1 << (low - 24);
  if (at + 1 + size > raw.length) refuse('cut off');
  const argument = size === 8 ? raw.readBigUInt64BE(at + 1) : raw.readUIntBE(at + 1, size);
  if (argument < [24, 1 << 8, 1 << 16, 2 ** 32][low - 24]) refuse('not the shortest form');
  return [major, argument <= Number.MAX_SAFE_INTEGER ? Number(argument) : argument, at + 1 + size];
}

function special(raw, at, low) {
  if (low === 20 || low === 21) return [7, low === 21, at + 1];
  if (low === 22) return [7, null, at + 1];
  const size = { 25: 2, 26: 4, 27: 8 }[low] ?? refuse('neither false, true, null nor a float');
  if (at + 1 + size > raw.length) refuse('cut off');
  const value = size === 2 ? half(raw.readUInt16BE(at + 1)) : size === 4 ? raw.readFloatBE(at + 1) : raw.readDoubleBE(at + 1);
  if (!Number.isFinite(value)) refuse('NaN or infinity');
  if (size === 4 && fits(value, 11, -14, 65_504)) refuse('not the shortest float');
  if (size === 8 && Math.fround(value) === value) refuse('not the shortest float');
  return [7, new Float(value), at + 1 + size];
}

function half(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits >> 15 ? -1 : 1;
  if (exponent === 31) return NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

// Whether a float has so few bits, an exponent not below `least`, and is not beyond `most`.
function fits(value, bits, least, most) {
  const size = Math.abs(value);
  if (size === 0) return true;
  if (size > most) return false;
  let exponent = Math.floor(Math.log2(size));
  while (2 ** exponent > size) exponent -= 1;
  return Number.isInteger(size / 2 ** (Math.max(exponent, least) - bits + 1));
}

const negative = (argument) => {
  const value = -1n - BigInt(argument);
  return value >= -BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
};

const length = (argument, most) => (argument <= most ? Number(argument) : refuse('longer than what is there'));

function text(octets) {
  try {
    return UTF_8.decode(octets);
  } catch {
    throw new FormError('not UTF-8');
  }
}
