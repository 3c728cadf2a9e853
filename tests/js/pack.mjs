// An evidence pack, checked from docs/format.md, section 9, alone; its page is not drawn again.

import { covers } from './chain.mjs';
import { contentOf } from './content.mjs';
import { openReceipt } from './receipt.mjs';
import { continueChain, kindOf, openStatement } from './statement.mjs';
import { array, decode, hex, octets, refuse, same, sha256, sign1, uint, ZEROS } from './strict.mjs';
import { accept, begin, openRecords, parseSeal, stateAfter } from './verify.mjs';
import { openZip } from './zip.mjs';

const NAMES = ['evidence.cbor', 'report.html', 'index.txt'];
const EVIDENCE_MAX = 128 * 2 ** 20;
const ISSUE_MAX = 512;

// `keys`: what the verifier was given, {centre, first}. Fills `told`.
export async function checkPack(raw, keys, told) {
  const [evidence, page, index] = openZip(raw, NAMES);
  const lines = [evidence, page].map((bytes, nth) => `${hex(sha256(bytes))}  ${NAMES[nth]}\n`);
  if (!same(index, Buffer.from(lines.join('')))) refuse('index.txt does not name what is here');
  const [name, version, inner, issue] = array(decode(evidence, EVIDENCE_MAX), 4);
  if (name !== 'dianjian evidence' || version !== 1) refuse('no evidence');
  const content = contentOf(inner);
  if (keys.centre === null || !same(content.centreKey, keys.centre)) refuse('made for another key of the centre');
  if (content.byCentre !== (issue !== null)) refuse('an issue where none belongs, or none');
  if (issue !== null) await checkIssue(issue, inner, page, keys.centre);
  told.page = issue === null ? 'page not compared' : 'issued by the centre';
  const roots = await rootsOf(content, keys);
  const runs = [];
  for (const items of content.runs) runs.push(await checkRun(items, roots, runs.at(-1)?.last ?? -1, told));
  checkWindow(content.question, runs);
  for (const one of roots.revocations) runs.forEach((run) => checkRevoked(one, run, roots.replacements));
  for (const number of roots.receipts.keys()) {
    if (!runs.some((run) => run.first <= number && number <= run.last)) refuse(`a receipt for seal ${number}, which is in no run`);
  }
  const { first, last } = content.question;
  const lost = runs.flatMap((run) => run.lost);
  const bare = runs.flatMap((run) => run.bare).filter((number) => first <= number && number <= last);
  told.withheld = bare.filter((number) => !covers(lost, number));
  told.tip = hex(runs.at(-1).state.hash);
}

async function checkIssue(issue, inner, page, centreKey) {
  const signed = sign1(issue, ISSUE_MAX);
  if (!(await signed.holds(centreKey, 'dj1.evidence'))) refuse('an issue that the centre has not signed');
  const [version, content, drawn] = array(decode(signed.payload, ISSUE_MAX), 3);
  uint(version, 1, 1);
  if (!same(octets(content, 32), sha256(inner))) refuse('an issue of another content');
  if (!same(octets(drawn, 32), sha256(page))) refuse('an issue of another page');
}

// What everything rests on: first key, recovery key, statements and receipts of the centre.
async function rootsOf(content, keys) {
  const roots = {
    content, enrolment: null, firstKey: content.firstKey ?? keys.first, given: keys.first,
    replacements: [], revocations: [], receipts: new Map(), told: new Map(),
  };
  if (content.firstKey !== null && keys.first !== null && !same(content.firstKey, keys.first)) refuse('another first key');
  let before = 0;
  for (const [nth, raw] of content.statements.entries()) {
    const one = await openStatement(raw, content.centreKey);
    if (one.kind === 'rekey' || one.gateway !== content.gateway) refuse('a statement that does not belong here');
    if (one.kind === 'enrolment') {
      if (nth > 0 || content.firstKey !== null) refuse('an enrolment behind another statement, or beside a first key');
      if (keys.first !== null && !same(one.firstKey, keys.first)) refuse('another first key');
      Object.assign(roots, { enrolment: one, firstKey: one.firstKey });
      continue;
    }
    if (one.number < before) refuse('statements that descend');
    before = one.number;
    (one.kind === 'replace' ? roots.replacements : roots.revocations).push(one);
  }
  let number = 0;
  for (const raw of content.receipts) {
    const one = await openReceipt(raw, content.centreKey);
    if (one.gateway !== content.gateway || one.number <= number) refuse('receipts of another gateway, or that do not ascend');
    number = one.number;
    roots.receipts.set(number, one);
    roots.told.set(hex(sha256(raw)), one.utc);
  }
  return roots;
}

// One run: its seals, what it holds and what it lacks.
async function checkRun(items, roots, lastBefore, told) {
  const seals = items.filter(Array.isArray);
  const first = parseSeal(seals[0][0]).number;
  const last = first + seals.length - 1;
  if (first < lastBefore + 2) refuse('runs that touch or descend');
  const receipted = [...roots.receipts.keys()].filter((number) => first <= number && number <= last);
  if (!(first === 1 && (roots.enrolment !== null || roots.given !== null)) && receipted.length === 0) {
    refuse(`nothing vouches for the seals from ${first}`);
  }
  const run = { first, last, times: [], bare: [], lost: [], state: null, newest: Math.max(0, ...receipted) };
  if (first === 1 && roots.firstKey !== null) {
    run.state = begin(roots.content.gateway, roots.firstKey, roots.enrolment?.recoveryKey ?? ZEROS);
  }
  let changes = [];
  for (const item of items) {
    if (!Array.isArray(item)) {
      changes.push(item);
      continue;
    }
    const found = await sealOf(item, changes, run, roots);
    changes = [];
    note(run, found, item, roots, told);
  }
  return run;
}

// A seal behind the byte strings before it.
async function sealOf([raw, body], changes, run, roots) {
  const unknown = changes.some((change) => change.length === 0);
  if (unknown && changes.length > 1) refuse('an unknown change of the key beside another');
  if (run.state === null || unknown) return asItIs(raw, body, changes, run, roots);
  for (const change of changes) {
    if (!['rekey', 'replace'].includes(kindOf(change))) refuse('a statement that changes no key');
    const found = await continueChain(run.state, change, roots.content.centreKey);
    if (found.outcome !== 'accepted') refuse(`a change of the key after seal ${run.state.number}: ${found.outcome}`);
    run.state = found.state;
    if (found.findings.includes('replaced')) roots.replacements.push(await openStatement(change, null));
  }
  const received = roots.receipts.get(run.state.number + 1)?.utc ?? null;
  return accept(run.state, raw, body, { received, told: roots.told });
}

// The first seal of a run, or one whose key changed by what nobody can check.
function asItIs(raw, body, changes, run, roots) {
  const seal = parseSeal(raw);
  if (seal.gateway !== roots.content.gateway) refuse('a seal of another gateway');
  const { state } = run;
  if (state === null && changes.length > 0) refuse('a change of the key before a seal that is taken as it is');
  if (changes.length > 0) {
    if (roots.enrolment !== null || state.number === 0) refuse('an unknown change of the key where none may be');
    if (run.newest <= state.number) refuse('an unknown change of the key that no receipt covers');
    if (seal.number !== state.number + 1 || !same(seal.previous, state.hash)) refuse('another seal before');
    if (seal.firstRecord < state.nextRecord) refuse('records that come again');
  }
  const recovery = state === null ? recoveryKey(seal.number, roots) : ZEROS;
  const after = stateAfter(seal, sha256(raw), recovery);
  return { outcome: 'accepted', state: after, ...openRecords(seal, body) };
}

function recoveryKey(number, { replacements, enrolment }) {
  const known = replacements.filter((one) => one.number <= number);
  const highest = Math.max(...known.map((one) => one.number));
  return known.findLast((one) => one.number === highest)?.recoveryKey ?? enrolment?.recoveryKey ?? ZEROS;
}

function note(run, found, [raw, body], roots, told) {
  const before = run.state?.number ?? run.first - 1;
  if (found.outcome !== 'accepted') refuse(`seal ${before + 1}: ${found.outcome}`);
  run.state = found.state;
  const { number } = found.state;
  if (found.findings.includes('body')) refuse(`seal ${number}: another body`);
  const receipt = roots.receipts.get(number);
  if (receipt !== undefined && !same(receipt.hash, found.state.hash)) refuse(`seal ${number}: the receipt is for another`);
  run.times.push(found.state.utc);
  run.lost.push(...found.absent);
  if (body === null) run.bare.push(number);
  told.seals += 1;
  told.records += parseSeal(raw).count;
  told.malformed += found.findings.includes('record') ? 1 : 0;
  told.findings.push(...found.findings.map((code) => [number, code]));
}

function checkWindow({ from, to, first, last }, runs) {
  const run = runs.find((one) => one.first <= first && first <= one.last);
  if (run === undefined || last > run.last) refuse('seals of the window are not here');
  const within = (number) => run.times[number - run.first] >= BigInt(from) && run.times[number - run.first] <= BigInt(to);
  if (!within(first) || !(within(last) || (last > first && within(last - 1)))) refuse('seals that were not made in the window');
}

function checkRevoked(revocation, run, replacements) {
  const lifts = (one) => one.utc > revocation.utc && one.number > revocation.number && one.number <= run.last;
  if (run.last > revocation.number && !replacements.some(lifts)) refuse('a run behind a revocation');
}
