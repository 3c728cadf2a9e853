// The check of docs/format.md, section 10, written from that page alone.

import { openBody } from './body.mjs';
import { openRecord } from './record.mjs';
import { array, decode, FormError, gateway, hex, octets, publicKey, same, sha256, sign1, uint, ZEROS } from './strict.mjs';

const SEAL_MAX = 400;
const RECORDS_MAX = 16_000;
const NUMBER_MAX = 2 ** 40 - 1;
const CLOCK_MS = 2_000n;
const DECLARE = { 7: 'drop', 8: 'lost_tail' };

// `past` is what was accepted, and all states of a chain share it: hashes of seals and keys by number, hashes of statements.
export function begin(name, firstKey, recoveryKey) {
  return {
    gateway: name, number: 0, hash: ZEROS, nextKey: firstKey, nextRecord: 1n, recoveryKey,
    utc: 0n, boottime: 0n, boot: null, clock: 1, rekeyed: 0, revoked: false,
    past: { hashes: new Map([[0, ZEROS]]), keys: new Map([[1, new Set([hex(firstKey)])]]), statements: new Set() },
  };
}

// A key that seal `number` may be signed with: of all of them, a second seal of that number is a fork.
export function remember(past, number, key) {
  if (!past.keys.has(number)) past.keys.set(number, new Set());
  past.keys.get(number).add(hex(key));
}

export function parseSeal(raw) {
  const signed = sign1(raw, SEAL_MAX);
  const items = array(decode(signed.payload, SEAL_MAX), 13);
  uint(items[0], 1, 1);
  return {
    signed,
    gateway: gateway(items[1]),
    number: uint(items[2], NUMBER_MAX, 1),
    firstRecord: BigInt(uint(items[3], undefined, 1)),
    count: uint(items[4], RECORDS_MAX, 1),
    root: octets(items[5], 32),
    previous: octets(items[6], 32),
    nextKey: publicKey(items[7]),
    utc: BigInt(uint(items[8])),
    boottime: BigInt(uint(items[9])),
    boot: octets(items[10], 16),
    clock: uint(items[11], 2),
    reference: octets(items[12], 0, 32),
  };
}

// What one seal is, and the state then. `times`: when it came, and the times of receipts and beacons by their SHA-256.
export async function accept(state, raw, body, times = {}) {
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
  const findings = clocks(state, seal, times);
  const opened = openRecords(seal, body);
  const digest = sha256(raw);
  state.past.hashes.set(seal.number, digest);
  remember(state.past, seal.number + 1, seal.nextKey);
  const after = { ...stateAfter(seal, digest, state.recoveryKey), past: state.past };
  return { outcome: 'accepted', state: after, ...opened, findings: [...findings, ...opened.findings] };
}

// The state behind a seal that is accepted, or taken as it is.
export function stateAfter(seal, digest, recoveryKey) {
  const { gateway: name, number, nextKey, utc, boottime, boot, clock } = seal;
  const nextRecord = seal.firstRecord + BigInt(seal.count);
  const past = { hashes: new Map([[number, digest]]), keys: new Map(), statements: new Set() };
  remember(past, number + 1, nextKey);
  return {
    gateway: name, number, hash: digest, nextKey, nextRecord, recoveryKey, utc, boottime, boot, clock,
    rekeyed: 0, revoked: false, past,
  };
}

// Steps 6 and 8: whether the body opened, what its records declare lost, and findings.
export function openRecords(seal, body) {
  if (body === null) return { body: false, findings: [], absent: [] };
  const records = tryBody(seal, body);
  if (records === null) return { body: false, findings: ['body'], absent: [] };
  const opened = records.map(tryRecord);
  const lost = opened.filter((record) => declares(record, seal.number));
  const findings = lost.map((record) => DECLARE[record.kind]);
  if (opened.includes(null)) findings.push('record');
  return { body: true, findings, absent: lost.map(({ body: said }) => [said.get('first'), said.get('last')]) };
}

async function again(state, seal, raw) {
  const known = state.past.hashes.get(seal.number);
  if (known !== undefined && same(sha256(raw), known)) return { outcome: 'duplicate', state };
  for (const key of state.past.keys.get(seal.number) ?? []) {
    if (await seal.signed.holds(Buffer.from(key, 'hex'), 'dj1.seal')) return { outcome: 'fork', state };
  }
  return { outcome: 'invalid', state };
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
const declares = (record, number) => record?.kind in DECLARE && record.body.get('last') < number;

function clocks(state, seal, { received = null, told = new Map() }) {
  const found = [];
  if (seal.clock !== state.clock || state.number === 0) found.push('clock_state');
  if (state.boot === null || !same(seal.boot, state.boot)) {
    found.push('boot');
  } else {
    const passed = seal.boottime - state.boottime;
    const moved = seal.utc - state.utc - passed;
    if (passed < 0n || moved > CLOCK_MS || moved < -CLOCK_MS) found.push('clock_step');
  }
  if (seal.clock !== 0) return found;
  const reference = told.get(hex(seal.reference));
  if (received !== null && seal.utc > BigInt(received) + CLOCK_MS) found.push('clock_ahead');
  if (reference !== undefined && seal.utc < BigInt(reference) - CLOCK_MS) found.push('clock_behind');
  return found;
}
