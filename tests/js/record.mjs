// What a record may hold: docs/format.md, section 5, and evidence/records.cddl, written from them alone.

import { Float } from './cbor.mjs';
import { array, decode, list, octets, RECORD_MAX, refuse, same, text, uint, ZEROS } from './strict.mjs';

const BLOCKS_MAX = 32;
const NAME_MAX = 256;
const ENTRIES_MAX = 1_000;
const FILES_MAX = 16;
const STATEMENTS_MAX = 64;
const MINUTES_MAX = 600;
const TIME_S_MAX = 253_402_300_799;
const RATIO_MAX = 1_000_000_000;
const SEAL_MAX = 2 ** 40 - 1;
const INT_MAX = (1n << 64n) - 1n;
const REGISTERS = { address: 65_535, bytes: 250, unit: 2 };
const FORMS = {
  3: REGISTERS,
  4: REGISTERS,
  17: { address: 2 ** 32 - 1, bytes: 200, unit: 1 },
  212: { address: 9_999, bytes: 10_011, unit: 1 },
};

export function openRecord(raw) {
  const items = decode(raw, RECORD_MAX);
  if (!Array.isArray(items)) refuse('no record');
  const kind = uint(items[0], 22, 1);
  if (kind === 18 || kind === 19) refuse('no kind of this version');
  if (kind === 1) return reading(array(items, 11));
  const [, utc, boottime, clock, body] = array(items, 5);
  [utc, boottime].forEach((one) => uint(one));
  uint(clock, 2);
  plain(map(body));
  (BODIES[kind] ?? (() => {}))(body);
  return { kind, body };
}

function reading([kind, utc, boottime, clock, meter, group, model, blocks, quality, reason, latency]) {
  [utc, boottime].forEach((one) => uint(one));
  [clock, group, quality].forEach((one) => uint(one, 2));
  [meter, reason].forEach((one) => text(one));
  octets(model, 8);
  uint(latency, 1_000_000_000);
  listOf(blocks, BLOCKS_MAX, block);
  return { kind, meter, blocks };
}

function block(item) {
  const [code, address, words] = array(item, 3);
  const form = FORMS[uint(code, 255)] ?? refuse('no such function');
  uint(address, form.address);
  if (!(words instanceof Uint8Array) || words.length < 1 || words.length > form.bytes) refuse('no words');
  if (words.length % form.unit !== 0) refuse('half a register');
}

// What may stand in a body at all.
export function plain(value) {
  if (value instanceof Map) {
    for (const [key, item] of value) {
      string(key);
      plain(item);
    }
  } else if (Array.isArray(value)) {
    value.forEach(plain);
  } else if (typeof value === 'bigint') {
    int(value);
  }
}

const map = (value) => (value instanceof Map ? value : refuse('no map'));
const string = (value) => (typeof value === 'string' ? value : refuse('no text'));
const name = (value) => text(value, NAME_MAX);
const flag = (value) => (typeof value === 'boolean' ? value : refuse('neither true nor false'));
const blob = (value) => (value instanceof Uint8Array ? value : refuse('no byte string'));
const hash = (value) => octets(value, 32);
const seal = (value) => uint(value, SEAL_MAX, 1);
const time = (value) => uint(value, TIME_S_MAX);
const orNull = (check) => (value) => (value === null ? null : check(value));

function int(value) {
  if (typeof value !== 'number' && typeof value !== 'bigint') refuse('no whole number');
  if (value > INT_MAX || value < -INT_MAX) refuse('beyond 64 bits');
  return value;
}

const number = (value) => (value instanceof Float ? value.value : int(value));

function ratio(value) {
  if (!(number(value) > 0 && number(value) <= RATIO_MAX)) refuse('no ratio');
}

function listOf(value, most, check) {
  list(value, most).forEach((item) => check(item));
}

const each = (check) => (value) => map(value).forEach((item) => check(item));

// Where a key stands it passes its check; those of `needed` stand.
const table = (checks, needed = []) => (value) => {
  for (const key of needed) if (!map(value).has(key)) refuse(`${key} is missing`);
  for (const [key, check] of Object.entries(checks)) if (map(value).has(key)) check(value.get(key));
};

const powers = (value) => listOf(value, MINUTES_MAX, orNull(number));
const lost = { first: seal, last: seal };
const ascending = (check) => (body) => {
  check(body);
  if (body.get('last') < body.get('first')) refuse('last is below first');
};
const episode = {
  id: name, linkage: name, rule: name, severity: name, state: name,
  lines: (value) => listOf(value, ENTRIES_MAX, name),
  begin_at_s: time, raised_at_s: time, end_at_s: orNull(time),
  numbers: map,
  sentence: table({ zh: string, en: string }, ['zh', 'en']),
  trace: table(
    { begin_at_s: time, production_w: powers, treatment_w: powers }, ['begin_at_s', 'production_w', 'treatment_w'],
  ),
};
const attestation = {
  seal: (value) => uint(value, SEAL_MAX), seal_hash: hash, attest: (value) => octets(value, 149),
  signature: (value) => octets(value, 64), alg: (value) => (value === 'ES256' ? value : refuse('not ES256')),
  ak: (value) => octets(value, 88),
};
const meter = table({
  model: (value) => octets(value, 8), unit_id: (value) => uint(value, 255), address: name, bus: name,
  line: orNull(name), ct_ratio: ratio, pt_ratio: ratio,
});

const u32 = (value) => uint(value, 2 ** 32 - 1);
const digits = (value) => (/^[0-9a-f]{64}$/.test(string(value)) ? value : refuse('no digest'));
const file = table({ name, size: (value) => uint(value), sha256: digits }, ['name', 'size', 'sha256']);
const files = (value) => listOf(value, FILES_MAX, file);

const case_ = { what: name, order: name, rev: u32, test: flag, line: name, level: name, measure: name };
const basis = table({
  wh: (value) => uint(value), p90_wh: (value) => uint(value), days: (value) => listOf(value, ENTRIES_MAX, u32), from_order: flag,
}, ['wh', 'p90_wh', 'days', 'from_order']);
const verdict = table({
  ...case_, begin_s: time, state: name, wh: orNull((value) => uint(value)), clue: flag, verdict: name, why: orNull(name),
  episodes: (value) => listOf(value, ENTRIES_MAX, name), sentence: table({ zh: string, en: string }, ['zh', 'en']),
}, Object.keys(case_));

const BODIES = {
  2: table({
    site: string, site_deflated: blob, site_hash: hash, version: string, boot_id: (value) => octets(value, 16),
    clock: name, meters: each(meter), linkages: each(hash), feed: orNull(hash), models: each(blob), learned: map,
  }),
  3: table({ buses: (value) => listOf(value, ENTRIES_MAX, map) }),
  4: table({ boot_id: (value) => octets(value, 16), offset_ms: int, start: string, version: string }),
  5: table({ step_ms: int, state: name, was_offset_ms: int, offset_ms: int }),
  6: table({ what: string, count: (value) => uint(value), why: string }),
  7: ascending(table({ ...lost, why: string }, ['first', 'last'])),
  8: ascending(table({ ...lost, recovered: seal }, ['first', 'last', 'recovered'])),
  10: table({ ...episode, params_hash: name, retrospective: flag }, Object.keys(episode)),
  11: table({ id: name, by: name, reason: string, files }),
  12: table({
    what: name, state: name, reason: name, hash, order: blob, newest: blob, id: name, other: name, kind: name, keys: flag,
    statements: (value) => listOf(value, STATEMENTS_MAX, blob), rev: u32, seq: u32,
    missing: (value) => listOf(value, STATEMENTS_MAX, u32),
  }, ['what']),
  13: table({ order: name, rev: u32, state: name, by: name, at: (value) => uint(value), text: string, files },
    ['order', 'rev', 'state', 'by', 'at']),
  14: table({ what: string, id: name }),
  15: table({ what: string, meter: name, point: name }),
  16: table({ what: string, text: string }),
  17: (body) => {
    table(attestation, Object.keys(attestation))(body);
    if (body.size !== Object.keys(attestation).length) refuse('more than an attestation has');
    if ((body.get('seal') === 0) !== same(body.get('seal_hash'), ZEROS)) refuse('a hash without a seal, or a seal without');
  },
  20: table({ ...case_, base_w: orNull(number), baseline: orNull(basis), issued_s: time, received_s: time },
    [...Object.keys(case_), 'base_w', 'baseline']),
  21: verdict,
  22: verdict,
};
