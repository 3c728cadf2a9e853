// node file.mjs FILE… [centre=HEX] [first=HEX] [recovery=HEX]: checks exported chains and evidence packs (docs/format.md,
// section 9) under the public keys that the verifier knows. Prints of each file one JSON line: {"ok", "verdict",
// "but": [text…], "seals", "statements", "records", "withheld", "malformed", "tip", "error"}, and of a pack "page", "findings".

import { readFileSync } from 'node:fs';
import { checkChain } from './chain.mjs';
import { checkPack } from './pack.mjs';
import { FormError, publicKey } from './strict.mjs';

const PACK = Buffer.from('PK');
const given = process.argv.slice(2);
const files = given.filter((one) => !/^(centre|first|recovery)=/.test(one));
const said = new Map(given.filter((one) => !files.includes(one)).map((one) => one.split('=')));
const keys = Object.fromEntries(['centre', 'first', 'recovery'].map((name) => (
  [name, said.has(name) ? publicKey(Buffer.from(said.get(name), 'hex')) : null])));

async function verdict(raw) {
  const told = {
    ok: false, verdict: 'not good', but: [], seals: 0, statements: 0, records: 0, withheld: [], malformed: 0, tip: '', error: '',
  };
  const isPack = raw.subarray(0, PACK.length).equals(PACK);
  if (isPack) Object.assign(told, { page: '', findings: [] });
  try {
    await (isPack ? checkPack : checkChain)(raw, keys, told);
    told.ok = true;
    if (told.withheld.length > 0) told.but.push('bodies withheld');
    if (told.malformed > 0) told.but.push('malformed records');
    if (told.page === 'page not compared') told.but.push(told.page);
    told.verdict = told.but.length > 0 ? 'good, but' : 'good';
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    told.error = error.message;
  }
  return told;
}

for (const file of files) console.log(JSON.stringify(await verdict(readFileSync(file))));
