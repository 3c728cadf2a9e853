// node file.mjs CHAIN CENTRE_KEY_HEX: checks an exported chain (docs/format.md, section 9).
// Prints {"ok", "seals", "statements", "records", "withheld", "malformed", "tip", "error"} as one JSON line.

import { readFileSync } from 'node:fs';
import { decodeAt } from './cbor.mjs';
import { FormError, refuse } from './strict.mjs';
import { continueChain, enrol } from './statement.mjs';
import { accept } from './verify.mjs';

const STORED_MAX = 1_000;
const centreKey = Buffer.from(process.argv[3], 'hex');
const told = { ok: false, seals: 0, statements: 0, records: 0, withheld: [], malformed: 0, tip: '', error: '' };

function* sequence(raw) {
  for (let at = 0, item; at < raw.length;) {
    [item, at] = decodeAt(raw, at);
    yield item;
  }
}

async function check(raw) {
  const items = sequence(raw);
  const head = items.next().value;
  if (!Array.isArray(head) || head.length !== 3 || head[0] !== 'dianjian chain' || head[1] !== 2) refuse('no chain');
  let state = await enrol(items.next().value ?? refuse('no enrolment'), centreKey);
  if (state.gateway !== head[2]) refuse('another gateway');
  const bare = [];
  const absent = [];
  for (const item of items) {
    const isStatement = item instanceof Uint8Array;
    if (!isStatement && !(Array.isArray(item) && item.length === 2)) refuse('neither seal nor statement');
    const before = state.nextRecord;
    const found = isStatement ? await continueChain(state, item, centreKey) : await accept(state, ...item);
    state = found.state;
    if (found.outcome !== 'accepted') refuse(`after seal ${state.number}: ${found.outcome}`);
    if (found.findings.includes('body')) refuse(`seal ${state.number}: another body`);
    if (!isStatement && item[1] === null) bare.push(state.number);
    absent.push(...(found.absent ?? []));
    told.malformed += found.findings.includes('record') ? 1 : 0;
    told.statements += isStatement ? 1 : 0;
    told.seals += isStatement ? 0 : 1;
    told.records += isStatement ? 0 : state.nextRecord - before;
    told.tip = state.hash.toString('hex');
    // Keys of seals that a file which runs forward does not ask for again; the last seals are kept for revocations.
    if (!isStatement) {
      state.keys = new Map();
      state.seals.delete(state.number - STORED_MAX);
    }
  }
  if (told.seals === 0) refuse('no seal, which proves nothing');
  told.withheld = bare.filter((number) => !absent.some(([first, last]) => first <= number && number <= last));
}

try {
  await check(readFileSync(process.argv[2]));
  told.ok = true;
} catch (error) {
  if (!(error instanceof FormError)) throw error;
  told.error = error.message;
}
console.log(JSON.stringify(told));
