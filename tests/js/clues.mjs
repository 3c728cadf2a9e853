// Ledgers of clues: docs/format.md, section 17.

import { trust } from './orders.mjs';
import { plain } from './record.mjs';
import { array, decode, FormError, gateway, list, octets, publicKey, refuse, same, sha256, sign1, text, uint, ZEROS } from './strict.mjs';

const STEP_MAX = 16_384;
const END_MAX = 512;
const FILE_MAX = 128 * 1024 * 1024;
const SEQ_MAX = 2 ** 32 - 1;
const SEAL_MAX = 2 ** 40 - 1;
const TIME_S_MAX = 253_402_300_799;
const PERIOD_MAX = 400 * 86_400;
const LINKED = ['episode', 'mark', 'verdict', 'order', 'finding', 'pack', 'file'];
const RESULTS = ['holds', 'again', 'unclear', 'cannot_be_judged'];
const WHYS = ['', 'no_treatment', 'no_habit', 'by_itself', 'not_seen', 'stood'];

const named = (value, most = 64) => text(value, most) || refuse('no name');
const among = (value, known) => (known.includes(value) ? value : refuse('not known'));

function link(item) {
  const [what, id, hash, where, seal] = array(item, 5);
  among(what, LINKED);
  named(id, 256);
  octets(hash, 32);
  if (text(where) !== '') gateway(where);
  uint(seal, SEAL_MAX);
}

function openStep(raw) {
  const signed = sign1(raw, STEP_MAX);
  const items = array(decode(signed.payload, STEP_MAX), 11);
  uint(items[0], 1, 1);
  const step = {
    seq: uint(items[1], SEQ_MAX, 1), previous: octets(items[2], 32), clue: gateway(items[3]), stage: uint(items[4], 4),
    officer: named(items[5]), key: publicKey(items[6]), utc: uint(items[7]), links: list(items[9], 16), body: items[10], signed,
  };
  text(items[8], 3_000);
  step.links.forEach(link);
  if (!(step.body instanceof Map)) refuse('no body');
  plain(step.body);
  return step;
}

// A map with these keys and no others; those of `free` may lack.
function fields(map, needed, free = []) {
  if (!(map instanceof Map)) refuse('no map');
  if (needed.some((key) => !map.has(key))) refuse('a key is missing');
  if ([...map.keys()].some((key) => !needed.includes(key) && !free.includes(key))) refuse('a key that is not known');
  return Object.fromEntries(map);
}

function opening(step) {
  if (step.stage !== 0) refuse('begins elsewhere');
  if (step.links.length === 0) refuse('comes from nowhere');
  const body = fields(step.body, ['gateway', 'rule', 'lines', 'begin_s'], ['end_s']);
  gateway(body.gateway);
  named(body.rule);
  const lines = list(body.lines, 64).map((one) => named(one));
  if (new Set(lines).size !== lines.length) refuse('a line stands twice');
  uint(body.begin_s, TIME_S_MAX);
  if (body.end_s !== undefined && body.end_s !== null) uint(body.end_s, TIME_S_MAX, body.begin_s);
  return { stage: 0, outcome: null, again: false, closed: false };
}

function recheck(value) {
  const spans = ['covered_s', 'ran_s', 'lacked_s', 'longest_s'];
  const one = fields(value, ['begin_s', 'end_s', 'result', 'why', ...spans, 'runs_w', 'works_w'], ['longest_at_s']);
  uint(one.begin_s, TIME_S_MAX);
  uint(one.end_s, Math.min(TIME_S_MAX, one.begin_s + PERIOD_MAX), one.begin_s + 1);
  among(one.result, RESULTS);
  among(one.why, WHYS);
  if ((one.result === 'cannot_be_judged') !== (one.why !== '')) refuse('a reason without need, or none');
  spans.forEach((name) => uint(one[name], one.end_s - one.begin_s));
  [one.runs_w, one.works_w].forEach((watts) => uint(watts, 2 ** 40));
  if (one.longest_at_s !== undefined && one.longest_at_s !== null) uint(one.longest_at_s, one.end_s, one.begin_s);
  return one.result === 'again';
}

function follow(clue, step) {
  if (clue === undefined) return opening(step);
  if (clue.closed) refuse('it is closed');
  const from = clue.stage;
  const to = step.stage;
  if (to !== from && to !== from + 1 && !(from === 3 && to === 2)) refuse('no such way');
  const body = fields(step.body, [], ['outcome', 'recheck', 'closed']);
  const next = { ...clue, stage: to };
  if (from === 1 && to === 2 && clue.outcome === null) refuse('no review');
  if (from === 3 && to === 4 && clue.again) refuse('it goes on');
  if (body.outcome !== undefined) next.outcome = among(body.outcome, to === 1 ? ['plant', 'device'] : []);
  if (body.recheck !== undefined) next.again = to === 3 ? recheck(body.recheck) : refuse('a recheck elsewhere');
  if (to === 3 && from !== 3 && body.recheck === undefined) refuse('no recheck');
  if (body.closed !== undefined) {
    if (typeof body.closed !== 'boolean' || (body.closed && to !== 0 && to !== 4)) refuse('not closed here');
    next.closed = body.closed;
  }
  return next;
}

function stranger(one, known) {
  const mine = known.certificates.filter((it) => it.role === 2 && it.name === one.officer && same(it.key, one.key));
  if (mine.length === 0) return 'key';
  if (!mine.some((it) => it.from <= one.utc && one.utc <= it.until)) return 'validity';
  return known.ended.some((it) => same(it.key, one.key) && one.utc >= it.since) ? 'withdrawn' : null;
}

const attempt = (make) => {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    return null;
  }
};

// What is wrong, as [fault, number of the step], in the order in which it is found.
export async function checkLedger(root, statements, steps, end) {
  const known = await trust(statements, root);
  const wrong = [];
  const opened = steps.map((raw) => attempt(() => openStep(raw)));
  const seen = new Set(opened.filter(Boolean).map((one) => one.seq));
  const clues = new Map();
  let last = { seq: 0, hash: ZEROS, utc: 0 };
  for (const [at, step] of opened.entries()) {
    if (step === null) wrong.push(['form', 0]);
    else if (!(await step.signed.holds(step.key, 'dj1.clue'))) wrong.push(['signature', step.seq]);
    else if (stranger(step, known)) wrong.push([stranger(step, known), step.seq]);
    else if (step.seq <= last.seq) wrong.push(['number', step.seq]);
    else {
      if (step.seq > last.seq + 1) {
        for (let seq = last.seq + 1, open = false; seq < step.seq; seq += 1) {
          if (!seen.has(seq) && !open) wrong.push(['missing', step.seq]);
          open = !seen.has(seq);
        }
      } else if (!same(step.previous, last.hash)) wrong.push(['previous', step.seq]);
      else if (step.utc < last.utc) wrong.push(['time', step.seq]);
      const next = attempt(() => follow(clues.get(step.clue), step));
      if (next === null) wrong.push(['course', step.seq]);
      else clues.set(step.clue, next);
      last = { seq: step.seq, hash: sha256(steps[at]), utc: step.utc };
    }
  }
  if (end !== null) wrong.push(...await checkEnd(end, known, last));
  return wrong;
}

async function checkEnd(raw, known, last) {
  const one = attempt(() => {
    const signed = sign1(raw, END_MAX);
    const [version, seq, hash, officer, key, utc] = array(decode(signed.payload, END_MAX), 6);
    uint(version, 1, 1);
    return { seq: uint(seq, SEQ_MAX), hash: octets(hash, 32), officer: named(officer), key: publicKey(key), utc: uint(utc), signed };
  });
  if (one === null || !(await one.signed.holds(one.key, 'dj1.clues'))) return [['end', 0]];
  if (stranger(one, known)) return [[stranger(one, known), one.seq]];
  if (one.seq > last.seq) return [['missing', one.seq]];
  return one.seq === last.seq && same(one.hash, last.hash) ? [] : [['end', one.seq]];
}

// The parts of an exported file.
export function openFile(raw) {
  const [name, version, root, statements, steps, end] = array(decode(raw, FILE_MAX), 6);
  if (name !== 'dianjian clues') refuse('no ledger of clues');
  uint(version, 1, 1);
  octets(root, 32);
  const strings = (value, most, longest) => list(value, most).map((one) => (
    one instanceof Uint8Array && one.length > 0 && one.length <= longest ? one : refuse('no byte string')));
  return {
    root, statements: strings(statements, 2_000, 1_024), steps: strings(steps, 50_000, STEP_MAX),
    end: end === null ? null : strings([end], 1, END_MAX)[0],
  };
}
