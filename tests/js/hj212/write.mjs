// A packet to bytes, strictly: what a reader would call odd is not written. Throws Error.

import { crcText } from './crc.mjs';
import { HEAD_FIELDS, NEEDED, REGION_MOST, SEGMENT_MOST, SPLIT, isName, isValue, judgeHead, judgeItem } from './fields.mjs';
import { encipher, print } from './sm4.mjs';

const PARTS_MOST = 9;
const fail = (why) => { throw new Error(why); };

export const regionText = (groups) =>
  groups.map((group) => group.map(([name, value]) => `${name}=${value}`).join(',')).join(';');

const headText = (packet) =>
  HEAD_FIELDS.filter((name) => packet[name] !== undefined).map((name) => `${name}=${packet[name]};`).join('');

// options: {crc, key, form: 'raw' | 'printed'}
export function write(packet, { crc = 'standard', key = null, form = 'raw' } = {}) {
  check(packet);
  return assemble(packet, { crc, key, form });
}

// The bytes of whatever stands in `packet`: for the platform, which must also write what is odd.
export function assemble(packet, { crc = 'standard', key = null, form = 'raw', lower = false } = {}) {
  const head = Buffer.from(`${headText(packet)}CP=&&`, 'latin1');
  const region = Buffer.from(regionText(packet.groups), 'latin1');
  const close = Buffer.from('&&');
  const cipher = key ? encipher(key, region) : region;
  const sent = key && form === 'printed' ? print(cipher) : cipher;
  const length = String(head.length + cipher.length + close.length).padStart(4, '0');
  const check4 = crcText(Buffer.concat([head, region, close]), crc);
  const end = `${lower ? check4.toLowerCase() : check4}\r\n`;
  return Buffer.concat([Buffer.from(`##${length}`), head, sent, close, Buffer.from(end)]);
}

function check(packet) {
  for (const name of [...NEEDED, 'QN', 'Flag']) if (packet[name] === undefined) fail(`${name} is missing`);
  for (const name of HEAD_FIELDS) {
    if (packet[name] !== undefined && judgeHead(name, String(packet[name])) !== '') fail(`${name} is wrong`);
  }
  if ((packet.PNUM === undefined) !== (packet.PNO === undefined)) fail('PNUM and PNO do not stand together');
  if (packet.PNUM !== undefined && Number(packet.PNO) > Number(packet.PNUM)) fail('PNO is above PNUM');
  if (((Number(packet.Flag) & SPLIT) !== 0) !== (packet.PNUM !== undefined)) fail('Flag and PNUM disagree');
  for (const [name, value] of packet.groups.flat()) {
    if (!isName(name) || !isValue(value) || judgeItem(name, value) !== '') fail(`${name} cannot be written`);
  }
  if (packet.groups.some((group) => group.length === 0)) fail('an empty group');
  if (regionText(packet.groups).length > REGION_MOST) fail(`CP is above ${REGION_MOST} characters`);
  if (segmentLength(packet) > SEGMENT_MOST) fail(`the segment is above ${SEGMENT_MOST} characters`);
}

const segmentLength = (packet) => headText(packet).length + 7 + regionText(packet.groups).length;
const fits = (packet) => regionText(packet.groups).length <= REGION_MOST && segmentLength(packet) <= SEGMENT_MOST;

// One packet or several: whole groups alone move to the next part, and DataTime leads each.
export function split(packet) {
  if (fits(packet)) return [packet];
  const lead = packet.groups.length > 0 && packet.groups[0][0][0] === 'DataTime' ? [packet.groups[0]] : [];
  const flag = String(Number(packet.Flag) | SPLIT);
  const part = (groups) => ({ ...packet, Flag: flag, PNUM: '9', PNO: '9', groups: [...lead, ...groups] });
  const parts = [[]];
  for (const group of packet.groups.slice(lead.length)) {
    if (!fits(part([group]))) fail('one group alone is above what a packet holds');
    if (!fits(part([...parts.at(-1), group]))) parts.push([]);
    parts.at(-1).push(group);
  }
  if (parts.length > PARTS_MOST) fail(`${parts.length} parts, PNUM has one digit`);
  return parts.map((groups, at) => ({ ...part(groups), PNUM: String(parts.length), PNO: String(at + 1) }));
}
