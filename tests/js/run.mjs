// node run.mjs FOLDER: plays every story of the vectors, then every mutation of every message in them.
// Prints one JSON line: {"steps", "mutations", "failures": [text…]}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkLedger, openFile } from './clues.mjs';
import { FormError } from './strict.mjs';
import { isReceiptKeys, judge, openNewest, openOrder, trust } from './orders.mjs';
import { openBeacon, openReceipt } from './receipt.mjs';
import { openRecord } from './record.mjs';
import { continueChain, enrol } from './statement.mjs';
import { accept, begin } from './verify.mjs';

const folder = process.argv[2];
const told = { steps: 0, mutations: 0, failures: [] };
const hex = (text) => (text === null || text === undefined ? null : Buffer.from(text, 'hex'));
const load = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));

async function story(name, vector) {
  let state = vector.enrolment
    ? await enrol(hex(vector.enrolment), hex(vector.centre_key))
    : begin(vector.gateway, hex(vector.first_key), Buffer.alloc(32));
  for (const [at, step] of vector.steps.entries()) {
    const before = state;
    const found = await put(state, step, hex(step.put), hex(step.body), vector);
    state = found.state;
    const got = {
      outcome: found.outcome, number: state.number, hash: state.hash.toString('hex'),
      findings: [...new Set(found.findings ?? [])].sort(), body: found.body ?? false,
    };
    const wanted = {
      outcome: step.outcome, number: step.number, hash: step.hash, findings: step.findings, body: step.body_held,
    };
    told.steps += 1;
    if (JSON.stringify(got) !== JSON.stringify(wanted)) {
      told.failures.push(`${name}, step ${at} (${step.say}): got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);
    }
    if (step.outcome === 'accepted') await mutate(name, at, before, step, vector);
  }
}

const put = (state, step, raw, body, vector) => (step.kind === 'statement'
  ? continueChain(state, raw, hex(vector.centre_key))
  : accept(state, raw, body, { received: step.received_utc_ms ?? null }));

// Each bit of the message, one after the other, and each length: never accepted.
async function mutate(name, at, state, step, vector) {
  const raw = hex(step.put);
  for (const [what, changed] of changes(raw)) {
    told.mutations += 1;
    const { outcome } = await put(state, step, changed, null, vector);
    if (outcome === 'accepted') told.failures.push(`${name}, step ${at}: accepted with ${what}`);
  }
  if (!step.body_held) return;
  for (const [what, changed] of changes(hex(step.body))) {
    told.mutations += 1;
    const { body, state: after } = await put(state, step, raw, changed, vector);
    if (body) told.failures.push(`${name}, step ${at}: took a body with ${what}, ${after.number}`);
  }
}

function* changes(raw) {
  for (let at = 0; at < raw.length; at += 1) {
    const changed = Buffer.from(raw);
    changed[at] ^= 1 << (at % 8);
    yield [`bit ${at % 8} of byte ${at} changed`, changed];
    yield [`byte ${at} missing`, Buffer.concat([raw.subarray(0, at), raw.subarray(at + 1)])];
  }
  yield ['a byte more', Buffer.concat([raw, Buffer.from([0])])];
  yield ['nothing', Buffer.alloc(0)];
}

const OPEN = { receipt: openReceipt, beacon: openBeacon, enrolment: enrol };

async function messages(vector) {
  for (const message of vector.messages) {
    const opens = (raw) => OPEN[message.kind](raw, hex(vector.centre_key)).then(
      () => true,
      (error) => { if (error instanceof FormError) return false; throw error; },
    );
    told.steps += 1;
    if ((await opens(hex(message.put))) !== message.good) told.failures.push(`${message.kind}: ${message.say}`);
    if (!message.good) continue;
    for (const [what, changed] of changes(hex(message.put))) {
      told.mutations += 1;
      if (await opens(changed)) told.failures.push(`${message.kind}: ${message.say}: accepted with ${what}`);
    }
  }
}

// Single records: what each is, and what the file says of it.
function records(vector) {
  for (const one of vector.records) {
    told.steps += 1;
    let good = true;
    try {
      openRecord(hex(one.put));
    } catch (error) {
      if (!(error instanceof FormError)) throw error;
      good = false;
    }
    if (good !== one.good) told.failures.push(`record: ${one.say}: ${good ? 'taken' : 'refused'}`);
  }
}

// Orders and numbers of the newest: whether each counts for the gateway under the root's statements, and if not, why.
async function orders(vector) {
  const root = hex(vector.root);
  const reasonOf = async (one, raw) => {
    const known = await trust(one.statements.map(hex), root);
    try {
      if (one.kind === 'order') return (await judge(openOrder(raw), vector.gateway, known)).reason;
      const newest = openNewest(raw);
      if (!(await isReceiptKeys(newest, known, root))) return 'key';
      return newest.gateway === vector.gateway ? '' : 'gateway';
    } catch (error) {
      if (!(error instanceof FormError)) throw error;
      return 'form';
    }
  };
  for (const one of vector.orders) {
    told.steps += 1;
    const reason = await reasonOf(one, hex(one.put));
    if (reason !== one.reason) told.failures.push(`${one.kind}: ${one.say}: ${reason}, wanted ${one.reason}`);
    if (!one.mutate) continue;
    for (const [what, changed] of changes(hex(one.put))) {
      told.mutations += 1;
      if (await reasonOf(one, changed) === '') told.failures.push(`${one.kind}: ${one.say}: accepted with ${what}`);
    }
  }
}

// Ledgers of clues: what is wrong with each; and the first step of a whole one, with every bit changed.
async function clues(vector) {
  const pool = vector.pool.map(hex);
  const root = hex(vector.root);
  const pick = (numbers) => numbers.map((at) => pool[at]);
  for (const one of vector.ledgers) {
    told.steps += 1;
    const found = await checkLedger(root, pick(one.statements), pick(one.steps), one.end === null ? null : pool[one.end]);
    if (JSON.stringify(found) !== JSON.stringify(one.wrong)) {
      told.failures.push(`clues: ${one.say}: ${JSON.stringify(found)}, wanted ${JSON.stringify(one.wrong)}`);
    }
  }
  const whole = openFile(hex(vector.file));
  for (const [what, changed] of changes(whole.steps[0])) {
    told.mutations += 1;
    const wrong = await checkLedger(root, whole.statements, [changed], null);
    if (wrong.length === 0) told.failures.push(`clues: good with ${what}`);
  }
}

for (const name of readdirSync(folder).filter((file) => file.endsWith('.json')).sort()) {
  const vector = load(name);
  if (vector.messages) await messages(vector);
  else if (vector.records) records(vector);
  else if (vector.orders) await orders(vector);
  else if (vector.ledgers) await clues(vector);
  else for (const [at, one] of vector.stories.entries()) await story(`${name} ${at}`, one);
}
console.log(JSON.stringify(told));
