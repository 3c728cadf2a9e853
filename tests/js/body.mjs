// Bodies and the tree over their records: docs/format.md, sections 3 and 4.

import { inflateRawSync } from 'node:zlib';
import { array, decode, octets, RECORD_MAX, refuse, same, sha256, uint } from './strict.mjs';

const BODY_MAX = 64_000;
const COLUMNS = 1;
const CHECK_BYTES = 4;

export function merkle(leaves) {
  if (leaves.length === 1) return sha256(Buffer.from([0]), leaves[0]);
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return sha256(Buffer.from([1]), merkle(leaves.slice(0, half)), merkle(leaves.slice(half)));
}

export function openBody(seal, body) {
  const items = decode(body, BODY_MAX);
  if (!Array.isArray(items) || items.length === 0) refuse('no body');
  const records = typeof items[0] === 'number' ? inflated(items, seal.count) : items;
  if (records.length !== seal.count) refuse('not the records of this seal');
  for (const record of records) {
    if (!(record instanceof Uint8Array) || record.length === 0 || record.length > RECORD_MAX) refuse('no record');
  }
  if (!same(merkle(records), seal.root)) refuse('another body');
  return records;
}

function inflated(items, count) {
  const [method, check, stream] = array(items, 3);
  uint(method, COLUMNS, COLUMNS);
  if (!(stream instanceof Uint8Array)) refuse('no stream');
  if (!same(octets(check, CHECK_BYTES), sha256(stream).subarray(0, CHECK_BYTES))) refuse('a changed stream');
  return columns(inflate(stream, 2 * count + BODY_MAX), count);
}

function inflate(stream, most) {
  try {
    const { buffer, engine } = inflateRawSync(stream, { maxOutputLength: most, info: true });
    return engine.bytesWritten === stream.length ? buffer : refuse('something follows the stream');
  } catch (error) {
    return refuse(`the stream does not inflate: ${error.message}`);
  }
}

function columns(plain, count) {
  if (plain.length < 2 * count) refuse('cut within the lengths');
  const lengths = Array.from({ length: count }, (_, at) => 256 * plain[at] + plain[count + at]);
  const groups = new Map();
  lengths.forEach((length, at) => groups.set(length, [...(groups.get(length) ?? []), at]));
  const records = new Array(count);
  let begin = 2 * count;
  for (const [length, members] of groups) {
    members.forEach((member, nth) => {
      const record = Buffer.alloc(length);
      for (let at = 0; at < length; at += 1) record[at] = plain[begin + at * members.length + nth];
      records[member] = record;
    });
    begin += length * members.length;
  }
  if (begin !== plain.length) refuse('not as long as it says');
  const heads = [count, ...lengths].reduce((sum, one) => sum + (one < 24 ? 1 : one < 256 ? 2 : 3), 0);
  const whole = lengths.reduce((sum, one) => sum + one, heads);
  return whole <= BODY_MAX ? records : refuse('too long in the plain form');
}
