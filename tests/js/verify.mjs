// The check of docs/format.md, section 10, written from that page alone.

import { openBody } from './body.mjs';
import { openRecord } from './record.mjs';
import { array, decode, FormError, gateway, octets, publicKey, same, sha256, sign1, uint } from './strict.mjs';

const SEAL_MAX = 400;
const RECORDS_MAX = 16_000;
const NUMBER_MAX = 2 ** 40 - 1;
const CLOCK_MS = 2_000;
const ZEROS = Buffer.alloc(32);
const DECLARE = { 7: 'drop', 8: 'lost_tail' };

export function begin(name, firstKey, recoveryKey) {
  return {
    gateway: name, number: 0, hash: ZEROS, nextKey: firstKey, nextRecord: 1, recoveryKey,
    utc: 0, boottime: 0, boot: null, clock: 1, keys: new Map([[1, firstKey]]), seals: new Map(),
    statements: new Set(), rekeyed: 0, revoked: false,
  };
}

export function parseSeal(raw) {
  const signed = sign1(raw, SEAL_MAX);
  const items = array(decode(signed.payload, SEAL_MAX), 13);
  uint(items[0], 1, 1);
  return {
    signed,
    gateway: gateway(items[1]),
    number: uint(items[2], NUMBER_MAX, 1),
    firstRecord: uint(items[3], undefined, 1),
    count: uint(items[4], RECORDS_MAX, 1),
    root: octets(items[5], 32),
    previous: octets(items[6], 32),
    nextKey: publicKey(items[7]),
    utc: uint(items[8]),
    boottime: uint(items[9]),
    boot: octets(items[10], 16),
    clock: uint(items[11], 2),
    reference: octets(items[12], 0, 32),
  };
}

// What one seal is, and the state then. `state.keys` and `state.seals` keep what was accepted.
export async function accept(state, raw, body, received = null) {
  let seal;
  try {
    seal = parseSeal(raw);
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    return { outcome: 'invalid', state };
  }
  if (seal.gateway !== state.gateway) return { outcome: 'invalid', state };
  if (seal.number <= state.number) return again(state, seal, raw);
  if (state.revoked) return { outcome: 'invalid', state };
  if (seal.number > state.number + 1) return { outcome: 'gap', state };
  if (!(await seal.signed.holds(state.nextKey, 'dj1.seal'))) return { outcome: 'invalid', state };
  if (!same(seal.previous, state.hash) || seal.firstRecord !== state.nextRecord) return { outcome: 'invalid', state };
  const findings = clocks(state, seal, received);
  const records = body === null ? null : tryBody(seal, body);
  if (body !== null && records === null) findings.push('body');
  const opened = (records ?? []).map(tryRecord);
  for (const record of opened) findings.push(...declared(record, seal.number));
  if (opened.includes(null)) findings.push('record');
  const after = {
    ...state,
    number: seal.number, hash: sha256(raw), nextKey: seal.nextKey,
    nextRecord: seal.firstRecord + seal.count, rekeyed: 0,
    utc: seal.utc, boottime: seal.boottime, boot: seal.boot, clock: seal.clock,
    keys: new Map(state.keys).set(seal.number + 1, seal.nextKey),
    seals: new Map(state.seals).set(seal.number, raw),
  };
  const absent = opened.filter((record) => declared(record, seal.number).length > 0).map(({ body: said }) => [said.get('first'), said.get('last')]);
  return { outcome: 'accepted', state: after, findings, body: records !== null, absent };
}

async function again(state, seal, raw) {
  if (same(raw, state.seals.get(seal.number))) return { outcome: 'duplicate', state };
  const forked = await seal.signed.holds(state.keys.get(seal.number), 'dj1.seal');
  return { outcome: forked ? 'fork' : 'invalid', state };
}

function tryBody(seal, body) {
  try {
    return openBody(seal, body);
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    return null;
  }
}

// A record that is none counts for nothing, and the chain stands.
function tryRecord(raw) {
  try {
    return openRecord(raw);
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    return null;
  }
}

// Only what lies below the seal can be declared lost.
function declared(record, number) {
  const code = DECLARE[record?.kind];
  return code !== undefined && record.body.get('last') < number ? [code] : [];
}

function clocks(state, seal, received) {
  const found = [];
  if (seal.clock !== state.clock || state.number === 0) found.push('clock_state');
  if (state.boot === null || !same(seal.boot, state.boot)) {
    found.push('boot');
  } else {
    const passed = seal.boottime - state.boottime;
    if (passed < 0 || Math.abs(seal.utc - state.utc - passed) > CLOCK_MS) found.push('clock_step');
  }
  if (seal.clock === 0 && received !== null && seal.utc > received + CLOCK_MS) found.push('clock_ahead');
  return found;
}
