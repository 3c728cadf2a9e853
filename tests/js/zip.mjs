// The ZIP of an evidence pack, in its one form: docs/format.md, section 9.

import { crc32 } from 'node:zlib';
import { refuse, same } from './strict.mjs';

const PACK_MAX = 192 * 2 ** 20;
const LOCAL = 30;
const SIZE_AT = 18;
const LOCAL_HEAD = Buffer.from('504b03040a00000000000000' + '2100', 'hex');
const CENTRAL_HEAD = Buffer.from('504b01020a030a000000000000002100', 'hex');
const CENTRAL_TAIL = Buffer.from('0000000000000000' + '0000a481', 'hex');
const END_HEAD = Buffer.from('504b050600000000', 'hex');

// The entries named `names`, in this order: they are taken where they would stand, written again and compared.
export function openZip(raw, names) {
  if (raw.length > PACK_MAX) refuse('a pack that is too large');
  const entries = [];
  let at = 0;
  for (const name of names) {
    if (raw.length < at + LOCAL) refuse('a pack that ends too early');
    const begin = at + LOCAL + name.length;
    at = begin + raw.readUInt32LE(at + SIZE_AT);
    if (at > raw.length) refuse('a pack that ends too early');
    entries.push(raw.subarray(begin, at));
  }
  return same(writeZip(names, entries), raw) ? entries : refuse('not the one form of a pack');
}

function writeZip(names, entries) {
  const parts = [];
  const directory = [];
  let offset = 0;
  names.forEach((name, nth) => {
    const bytes = entries[nth];
    const told = Buffer.concat([u32(crc32(bytes)), u32(bytes.length), u32(bytes.length), u16(name.length)]);
    parts.push(LOCAL_HEAD, told, u16(0), Buffer.from(name), bytes);
    directory.push(CENTRAL_HEAD, told, CENTRAL_TAIL, u32(offset), Buffer.from(name));
    offset += LOCAL + name.length + bytes.length;
  });
  const central = Buffer.concat(directory);
  const count = u16(names.length);
  return Buffer.concat([...parts, central, END_HEAD, count, count, u32(central.length), u32(offset), u16(0)]);
}

function u16(value) {
  const raw = Buffer.alloc(2);
  raw.writeUInt16LE(value);
  return raw;
}

function u32(value) {
  const raw = Buffer.alloc(4);
  raw.writeUInt32LE(value);
  return raw;
}
