// node packets.mjs FILE [KEY]: the packets of HJ 212 in an exported chain, by the second codec. Of each a JSON line:
// {"seal", "meter", "cn", "groups"}, or with "reason" where it is refused. Signatures are for file.mjs. KEY is that
// of packets that are encrypted (SM4, 32 hexadecimal digits), without which such a one has a reason.

import { readFileSync } from 'node:fs';
import { openBody } from './body.mjs';
import { decodeAt } from './cbor.mjs';
import { Reader } from './hj212/codec.mjs';
import { openRecord } from './record.mjs';
import { FormError } from './strict.mjs';
import { parseSeal } from './verify.mjs';

const PACKET = 212;
const raw = readFileSync(process.argv[2]);

function recordOf(bytes) {
  try {
    return openRecord(bytes);
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    return {};
  }
}

function tell(seal, meter, bytes) {
  const keys = process.argv.slice(3).map((text) => Buffer.from(text, 'hex'));
  const reader = new Reader({ crc: ['standard', 'modbus', 'modbus-swapped'], keys });
  for (const { packet, reason } of [...reader.push(Buffer.from(bytes)), ...reader.end()]) {
    console.log(JSON.stringify(packet ? { seal, meter, cn: packet.CN, groups: packet.groups } : { seal, meter, reason }));
  }
}

for (let at = 0, item; at < raw.length;) {
  [item, at] = decodeAt(raw, at);
  if (!Array.isArray(item) || item.length !== 2 || item[1] === null) continue;
  const seal = parseSeal(item[0]);
  for (const bytes of openBody(seal, item[1])) {
    const { meter, blocks = [] } = recordOf(bytes);
    for (const [code, , words] of blocks) if (code === PACKET) tell(Number(seal.number), meter, words);
  }
}
