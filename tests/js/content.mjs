// The content of an evidence pack, in form alone: docs/format.md, section 9.

import { array, decode, gateway, list, octets, refuse, text, uint } from './strict.mjs';

const CONTENT_MAX = 128 * 2 ** 20;
const TIME_MAX = 253_402_300_799_000;
const WINDOW_MS = 32 * 86_400_000;
const PAGE_MAX = 65_536;
const NUMBER_MAX = 2 ** 40 - 1;
const STATEMENTS_MAX = 1_000;
const STATEMENT_MAX = 64_000;
const RECEIPTS_MAX = 2_000;
const RECEIPT_MAX = 2_048;
const RUNS_MAX = 1_000;
const ITEMS_MAX = 400_000;
const SEAL_MAX = 400;
const BODY_MAX = 64_000;
const NAME_MAX = 256;

export function contentOf(raw) {
  const [name, centreKey, firstKey, byCentre, made, page, question, statements, receipts, runs] = array(decode(raw, CONTENT_MAX), 10);
  if (typeof byCentre !== 'boolean') refuse('by_centre is neither true nor false');
  uint(made, TIME_MAX);
  uint(page, PAGE_MAX);
  list(runs, RUNS_MAX, 1).forEach(checkRun);
  if (runs.reduce((sum, run) => sum + run.length, 0) > ITEMS_MAX) refuse('too many seals');
  return {
    gateway: gateway(name),
    centreKey: octets(centreKey, 32),
    firstKey: firstKey === null ? null : octets(firstKey, 32),
    byCentre,
    question: questionOf(question),
    statements: list(statements, STATEMENTS_MAX).map((one) => blob(one, STATEMENT_MAX, 1)),
    receipts: list(receipts, RECEIPTS_MAX).map((one) => blob(one, RECEIPT_MAX)),
    runs,
  };
}

function questionOf(value) {
  const [from, to, first, last, linkage, episode] = array(value, 6);
  uint(from, TIME_MAX);
  uint(to, Math.min(TIME_MAX, from + WINDOW_MS), from);
  uint(first, NUMBER_MAX, 1);
  uint(last, NUMBER_MAX, first);
  [linkage, episode].forEach((one) => text(one, NAME_MAX));
  return { from, to, first, last };
}

function checkRun(run) {
  for (const item of list(run, ITEMS_MAX, 1)) {
    if (!Array.isArray(item)) {
      blob(item, STATEMENT_MAX);
      continue;
    }
    const [seal, body] = array(item, 2);
    blob(seal, SEAL_MAX, 1);
    if (body !== null) blob(body, BODY_MAX, 1);
  }
  if (!Array.isArray(run.at(-1))) refuse('a run that does not end with a seal');
}

const blob = (value, most, least = 0) => (value instanceof Uint8Array && value.length <= most && value.length >= least
  ? value : refuse(`no byte string of ${least} to ${most}`));
