// node lines.mjs: one JSON line in, one JSON line out, until the input ends. Bytes are hex.
//   {"do": "read", "hex", "cuts": [offset…], "crc": [kind…], "keys": [hex…]} → [{at, packet} | {at, reason}…]
//   {"do": "write", "packet", "crc", "key", "form", "split": bool} → {"hex": [hex…]} | {"error"}
//   {"do": "join", "packets"} → [whole packets…]
//   {"do": "self"} → {"checks", "failures"}

import { createInterface } from 'node:readline';
import { Joiner, Reader, split, write } from './codec.mjs';
import { selfTest } from './self.mjs';

const hex = (text) => Buffer.from(text, 'hex');
const shown = (told) => JSON.parse(JSON.stringify(told, (name, value) => (name === 'raw' ? undefined : value)));

function read({ hex: text, cuts = [], crc, keys = [] }) {
  const bytes = hex(text);
  const reader = new Reader({ crc, keys: keys.map(hex) });
  const bounds = [0, ...cuts, bytes.length];
  const told = bounds.slice(1).flatMap((end, at) => reader.push(bytes.subarray(bounds[at], end)));
  return shown([...told, ...reader.end()]);
}

function written({ packet, crc, key, form, split: parts = false }) {
  try {
    const options = { crc, key: key ? hex(key) : null, form };
    return { hex: (parts ? split(packet) : [packet]).map((one) => write(one, options).toString('hex')) };
  } catch (error) {
    return { error: error.message };
  }
}

function join({ packets }) {
  const joiner = new Joiner();
  return packets.map((one) => joiner.push(one)).filter((one) => one !== null);
}

const DO = { read, write: written, join, self: selfTest };
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(DO[asked.do](asked))}\n`);
}
