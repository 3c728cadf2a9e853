// An exported chain, checked item after item: docs/format.md, sections 9 and 10.

import { decodeAt } from './cbor.mjs';
import { gateway, refuse, same, ZEROS } from './strict.mjs';
import { continueChain, kindOf, openEnrolment } from './statement.mjs';
import { accept, begin } from './verify.mjs';

const VERSION_BARE = 1; // has no statements
const VERSION = 2;

function* sequence(raw) {
  for (let at = 0, item; at < raw.length;) {
    [item, at] = decodeAt(raw, at);
    yield item;
  }
}

// `keys`: what the verifier was given, {centre, first, recovery}, each null where it was not. Fills `told`.
export async function checkChain(raw, keys, told) {
  const items = sequence(raw);
  const head = items.next().value;
  if (!Array.isArray(head) || head.length !== 3 || head[0] !== 'dianjian chain') refuse('no chain');
  if (head[1] !== VERSION_BARE && head[1] !== VERSION) refuse('another version');
  let state = null;
  const bare = [];
  const lost = [];
  for (const item of items) {
    const isStatement = item instanceof Uint8Array;
    if (isStatement && head[1] === VERSION_BARE) refuse('a statement in a file of version 1');
    if (!isStatement && !isSeal(item)) refuse('neither seal nor statement');
    if (state === null) {
      const enrolled = isStatement && kindOf(item) === 'enrolment';
      state = await first(gateway(head[2]), enrolled ? item : null, keys);
      told.statements += enrolled ? 1 : 0;
      if (enrolled) continue;
    }
    const before = state.nextRecord;
    const found = isStatement ? await continueChain(state, item, keys.centre) : await accept(state, ...item);
    state = found.state;
    if (found.outcome !== 'accepted') refuse(`after seal ${state.number}: ${found.outcome}`);
    if (found.findings.includes('body')) refuse(`seal ${state.number}: another body`);
    if (!isStatement && item[1] === null) bare.push(state.number);
    lost.push(...(found.absent ?? []));
    told.malformed += found.findings.includes('record') ? 1 : 0;
    told.statements += isStatement ? 1 : 0;
    told.seals += isStatement ? 0 : 1;
    told.records += isStatement ? 0 : Number(state.nextRecord - before);
    told.tip = state.hash.toString('hex');
  }
  if (told.seals === 0) refuse('no seal, which proves nothing');
  told.withheld = bare.filter((number) => !covers(lost, number));
}

const isSeal = (item) => Array.isArray(item) && item.length === 2 && item[0] instanceof Uint8Array
  && (item[1] === null || item[1] instanceof Uint8Array);

// Whether a declaration of `lost` names the body of seal `number`.
export const covers = (lost, number) => lost.some(([from, to]) => from <= number && number <= to);

// The state before the first seal: what the enrolment and the verifier's own keys say agrees.
async function first(name, enrolment, keys) {
  if (enrolment === null) {
    return keys.first === null ? refuse('no enrolment, and no first key was given') : begin(name, keys.first, keys.recovery ?? ZEROS);
  }
  if (keys.centre === null && keys.first === null) refuse('neither the key of the centre nor the first key was given');
  const said = await openEnrolment(enrolment, keys.centre);
  if (said.gateway !== name) refuse('an enrolment of another gateway');
  if (keys.first !== null && !same(keys.first, said.firstKey)) refuse('another first key');
  const both = keys.recovery !== null && !same(said.recoveryKey, ZEROS);
  if (both && !same(keys.recovery, said.recoveryKey)) refuse('another recovery key');
  // What nobody has signed for is compared, and nothing is taken from it.
  return keys.centre === null ? begin(name, keys.first, keys.recovery ?? ZEROS) : begin(name, said.firstKey, said.recoveryKey);
}
