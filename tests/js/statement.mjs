// What begins a chain and what continues it under another key: docs/format.md, section 6.

import { array, decode, FormError, gateway, octets, publicKey, refuse, same, sha256, sign1, text, uint, ZEROS } from './strict.mjs';
import { begin, remember } from './verify.mjs';

const STATEMENT_MAX = 64_000;
const NUMBER_MAX = 2 ** 40 - 1;
const RECORDS_MAX = 16_000;
const REASON_MAX = 200;
const METERS_MAX = 256;
const DOMAINS = { enrolment: 'dj1.enrolment', rekey: 'dj1.rekey', replace: 'dj1.replace', revoke: 'dj1.revoke' };

const recovery = (value) => (same(octets(value, 32), ZEROS) ? value : publicKey(value));
// A key of zeros says "none" and signs nothing: it is a point under which anybody can sign.
const holds = async (signed, by, kind) => by !== null && !same(by, ZEROS) && signed.holds(by, DOMAINS[kind]);

function parse(raw) {
  const signed = sign1(raw, STATEMENT_MAX);
  const items = decode(signed.payload, STATEMENT_MAX);
  const kind = Array.isArray(items) ? { 6: 'revoke', 7: 'enrolment', 8: 'rekey', 9: 'replace' }[items.length] : undefined;
  if (kind === undefined) refuse('no statement');
  uint(items[0], 1, 1);
  return { signed, kind, gateway: gateway(items[1]), ...READ[kind](items) };
}

const READ = {
  enrolment: (items) => {
    text(items[2]);
    if (!Array.isArray(items[5]) || items[5].length > METERS_MAX) refuse('no meters');
    for (const meter of items[5]) {
      const [id, model, unit, serial] = array(meter, 4);
      [id, model, serial].forEach((one) => text(one));
      uint(unit, 255);
    }
    uint(items[6]);
    return { firstKey: publicKey(items[3]), recoveryKey: recovery(items[4]) };
  },
  rekey: (items) => ({ ...continued(items), utc: uint(items[6]), reason: text(items[7], REASON_MAX) }),
  replace: (items) => ({
    ...continued(items), recoveryKey: recovery(items[6]), utc: uint(items[7]), reason: text(items[8], REASON_MAX),
  }),
  revoke: (items) => {
    const number = uint(items[2], NUMBER_MAX);
    const hash = octets(items[3], 32);
    if ((number === 0) !== same(hash, ZEROS)) refuse('a hash without a seal, or a seal without');
    return { number, hash, utc: uint(items[4]), reason: text(items[5], REASON_MAX) };
  },
};

function continued(items) {
  const number = uint(items[2], NUMBER_MAX, 1);
  const previous = octets(items[3], 32);
  if ((number === 1) !== same(previous, ZEROS)) refuse('a seal before the first, or none before another');
  const firstRecord = BigInt(uint(items[4], 1 + RECORDS_MAX * (number - 1), 1));
  return { number, previous, firstRecord, nextKey: publicKey(items[5]) };
}

export const kindOf = (raw) => parse(raw).kind;

// A statement of the centre; a key of null leaves its signature unchecked.
export async function openStatement(raw, centreKey) {
  const one = parse(raw);
  if (centreKey !== null && !(await holds(one.signed, centreKey, one.kind))) refuse('no statement of this centre');
  return one;
}

export async function openEnrolment(raw, centreKey) {
  const one = await openStatement(raw, centreKey);
  return one.kind === 'enrolment' ? one : refuse('no enrolment');
}

export async function enrol(raw, centreKey) {
  const one = await openEnrolment(raw, centreKey);
  return begin(one.gateway, one.firstKey, one.recoveryKey);
}

export async function continueChain(state, raw, centreKey) {
  let one;
  try {
    one = parse(raw);
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    return { outcome: 'invalid', state };
  }
  const digest = sha256(raw).toString('hex');
  const invalid = { outcome: 'invalid', state };
  if (one.kind === 'enrolment' || one.gateway !== state.gateway) return invalid;
  if (state.past.statements.has(digest)) return { outcome: 'duplicate', state };
  const by = one.kind === 'rekey' ? state.recoveryKey : centreKey;
  if (!(await holds(one.signed, by, one.kind))) return invalid;
  if (one.kind === 'revoke') {
    if (one.number > state.number) return { outcome: 'gap', state };
    if (one.number === 0 && state.number > 0) return invalid;
    const known = state.past.hashes.get(one.number);
    if (known === undefined || !same(known, one.hash)) return invalid;
    state.past.statements.add(digest);
    return { outcome: 'accepted', state: { ...state, revoked: true }, findings: ['revoked'] };
  }
  if (one.number > state.number + 1) return { outcome: 'gap', state };
  if (one.number <= state.number || !same(one.previous, state.hash)) return { outcome: 'fork', state };
  if (one.firstRecord < state.nextRecord) return invalid;
  if (one.kind === 'rekey' && one.utc <= state.rekeyed) return invalid;
  const { nextKey, firstRecord: nextRecord } = one;
  state.past.statements.add(digest);
  remember(state.past, one.number, nextKey);
  const after = { ...state, nextKey, nextRecord };
  if (one.kind === 'rekey') return { outcome: 'accepted', state: { ...after, rekeyed: one.utc }, findings: ['rekeyed'] };
  const { recoveryKey } = one;
  return { outcome: 'accepted', state: { ...after, recoveryKey, revoked: false, rekeyed: 0 }, findings: ['replaced'] };
}
