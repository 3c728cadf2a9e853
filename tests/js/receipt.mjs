// Receipts and beacons: docs/format.md, section 7.

import { openStatement } from './orders.mjs';
import { array, decode, gateway, octets, refuse, same, sign1, uint, ZEROS } from './strict.mjs';

const RECEIPT_MAX = 2_048;
const BEACON_MAX = 128;
const RANGES_MAX = 64;
const NUMBER_MAX = 2 ** 40 - 1;

// Signed by the root, or by a receipt key whose certificate comes with it; `check` is given the time that it says.
async function open(raw, root, domain, most) {
  if (raw instanceof Uint8Array && raw[0] === 0xd2) {
    const signed = sign1(raw, most);
    if (!(await signed.holds(root, domain))) refuse('not signed by the centre');
    return { signed, check: () => {} };
  }
  const [inner, certificate] = array(decode(raw, most + 1_032), 2);
  const one = await openStatement(certificate, root);
  if (one.domain !== 'dj1.certify' || one.role !== 0) refuse('no certificate of a receipt key');
  const signed = sign1(inner, most);
  if (!(await signed.holds(one.key, domain))) refuse('not signed by the receipt key');
  return { signed, check: (utc) => { if (utc < one.from || utc > one.until) refuse('the receipt key is not in force'); } };
}

export async function openReceipt(raw, centreKey) {
  const { signed, check } = await open(raw, centreKey, 'dj1.receipt', RECEIPT_MAX);
  const items = array(decode(signed.payload, RECEIPT_MAX), 8);
  uint(items[0], 1, 1);
  const found = {
    gateway: gateway(items[1]), number: uint(items[2], NUMBER_MAX), hash: octets(items[3], 32),
    bodiesUpTo: uint(items[4], NUMBER_MAX), ranges: items[5], utc: uint(items[6]), conflict: items[7],
  };
  check(found.utc);
  if (!Array.isArray(found.ranges) || found.ranges.length > RANGES_MAX) refuse('no ranges');
  let end = found.bodiesUpTo;
  for (const range of found.ranges) {
    const [first, last] = array(range, 2);
    if (uint(first, NUMBER_MAX, 1) <= end + 1) refuse('ranges touch or run back');
    end = uint(last, NUMBER_MAX, first);
  }
  if (end > found.number) refuse('bodies beyond the last seal');
  if ((found.number === 0) !== same(found.hash, ZEROS)) refuse('a hash without a seal, or a seal without');
  if (found.conflict !== null) {
    const [number, hash] = array(found.conflict, 2);
    uint(number, NUMBER_MAX, 1);
    octets(hash, 32);
  }
  return found;
}

export async function openBeacon(raw, centreKey) {
  const { signed, check } = await open(raw, centreKey, 'dj1.beacon', BEACON_MAX);
  const [version, utc, sequence] = array(decode(signed.payload, BEACON_MAX), 3);
  uint(version, 1, 1);
  check(uint(utc));
  return { utc: uint(utc), sequence: uint(sequence) };
}
