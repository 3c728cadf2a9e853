// A frame to a packet: {raw, QN…RF as texts or absent, groups: [[[name, value]…]…], crc, cipher, odd: [text…],
// key: which of the keys}.
// Throws Refused with the byte counted from the first # of the packet.

import { CRC_KINDS, crcText } from './crc.mjs';
import { HEAD_FIELDS, NEEDED, REGION_MOST, SEGMENT_MOST, SPLIT, isName, isValue, judgeHead, judgeItem } from './fields.mjs';
import { BLOCK, decipher, looksPrinted, unprint } from './sm4.mjs';
import { Refused, refuse } from './refuse.mjs';

const SEGMENT_AT = 6;
const OPEN = 'CP=&&';

// options: {crc: kinds that are taken, the first being the agreed one; keys: [16 bytes…]; upperOnly}
export function readFrame(frame, { crc = ['standard'], keys = [], upperOnly = false } = {}) {
  if (crc.some((kind) => !CRC_KINDS.includes(kind))) throw new Error(`no CRC like ${crc}`);
  const { head, headLength, region } = halves(frame.segment);
  const told = { odd: [] };
  readHead(head, told);
  const found = openRegion(frame, headLength, region, { crc, keys });
  told.groups = readRegion(found.plain, SEGMENT_AT + headLength, told.odd);
  checkCase(frame, upperOnly, told.odd);
  if (found.crc !== crc[0]) told.odd.push(`CRC is ${found.crc}`);
  if (keys.length > 0 && found.cipher === 'none' && region.length >= BLOCK) told.odd.push('plain, though a key is agreed');
  if (found.counted) told.odd.push('the length counts digits of the cipher');
  if (found.plain.length > REGION_MOST) told.odd.push('CP is long');
  if (headLength + found.plain.length + 2 > SEGMENT_MOST) told.odd.push('the segment is long');
  return { raw: frame.raw, crc: found.crc, cipher: found.cipher, key: found.key, ...told };
}

function halves(segment) {
  const text = segment.toString('latin1');
  const open = text.indexOf(OPEN);
  if (open < 0 || open + OPEN.length > text.length - 2) refuse(SEGMENT_AT, 'no CP=&& … && in it');
  const headLength = open + OPEN.length;
  return { head: text.slice(0, open), headLength, region: segment.subarray(headLength, segment.length - 2) };
}

function readHead(head, told) {
  let at = SEGMENT_AT;
  let last = -1;
  if (!head.endsWith(';')) refuse(SEGMENT_AT + head.length, 'no ; before CP');
  for (const field of head.slice(0, -1).split(';')) {
    const cut = field.indexOf('=');
    const name = field.slice(0, Math.max(cut, 0));
    const place = HEAD_FIELDS.indexOf(name);
    if (place < 0) refuse(at, 'no field of the head');
    if (place <= last) refuse(at, `${name} stands twice or out of order`);
    const value = field.slice(cut + 1);
    const oddity = judgeHead(name, value);
    if (oddity === null) refuse(at + cut + 1, `${name} is not what it should be`);
    if (oddity) told.odd.push(oddity);
    told[name] = value;
    last = place;
    at += field.length + 1;
  }
  checkHead(told, at);
}

function checkHead(told, at) {
  const missing = NEEDED.find((name) => told[name] === undefined);
  if (missing) refuse(at, `${missing} is missing`);
  for (const name of ['QN', 'Flag']) if (told[name] === undefined) told.odd.push(`${name} is missing`);
  if ((told.PNUM === undefined) !== (told.PNO === undefined)) refuse(at, 'PNUM and PNO do not stand together');
  if (told.PNUM !== undefined && Number(told.PNO) > Number(told.PNUM)) refuse(at, 'PNO is above PNUM');
  const split = (Number(told.Flag ?? 0) & SPLIT) !== 0;
  if (told.Flag !== undefined && split !== (told.PNUM !== undefined)) told.odd.push('Flag and PNUM disagree');
}

// The region as text, by the CRC of the plain segment: plain first, then each key in each form that it can have.
function openRegion(frame, headLength, region, { crc, keys }) {
  const head = frame.segment.subarray(0, headLength);
  const close = frame.segment.subarray(frame.segment.length - 2);
  for (const { plain, cipher, counted, key } of readings(frame, region, keys)) {
    if (!/^[\x20-\x7e]*$/.test(plain.toString('latin1'))) continue;
    const whole = Buffer.concat([head, plain, close]);
    const kind = crc.find((one) => crcText(whole, one) === frame.crc.toUpperCase());
    if (kind) return { plain: plain.toString('latin1'), cipher, counted, key, crc: kind };
  }
  return refuse(6 + frame.segment.length, 'the CRC does not fit');
}

function* readings(frame, region, keys) {
  const printed = looksPrinted(region) ? unprint(region) : null;
  // A printed cipher with its tail may look like an item, and one sum in 256 fits.
  if (!looksPrinted(region)) yield { plain: region, cipher: 'none' };
  for (const [at, key] of region.length < BLOCK ? [] : keys.entries()) {
    if (!frame.printed) yield { plain: decipher(key, region), cipher: 'raw', key: at };
    if (printed) yield { plain: decipher(key, printed), cipher: 'printed', key: at, counted: !frame.printed };
  }
}

function readRegion(text, start, odd) {
  if (text === '') return [];
  let at = start;
  const groups = text.split(';');
  if (groups.length > 1 && groups.at(-1) === '') {
    odd.push('a ; at the end of CP');
    groups.pop();
  }
  const seen = new Set();
  return groups.map((group) => group.split(',').map((item) => {
    const cut = item.indexOf('=');
    const [name, value] = [item.slice(0, Math.max(cut, 0)), item.slice(cut + 1)];
    if (!isName(name)) refuse(at, 'no name= in CP');
    if (!isValue(value)) refuse(at + cut + 1, `${name} has a character that cannot stand in a value`);
    const oddity = judgeItem(name, value);
    if (oddity === null) refuse(at + cut + 1, `${name} is no time`);
    if (oddity) odd.push(oddity);
    if (seen.has(name)) odd.push(`${name} stands twice`);
    seen.add(name);
    at += item.length + 1;
    return [name, value];
  }));
}

function checkCase(frame, upperOnly, odd) {
  if (frame.crc === frame.crc.toUpperCase()) return;
  if (upperOnly) refuse(6 + frame.segment.length, 'the CRC is in small letters');
  odd.push('CRC in small letters');
}

export { Refused };
