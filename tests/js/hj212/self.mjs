// What the codec must make of known packets: each is read, written again to the same bytes, and refused with any bit
// of its length, marks and ends changed. Returns {checks, failures}.

import { Reader, assemble, crcText, decipher, encipher, regionText, write } from './codec.mjs';

const MN = 'D7A1EC0000000000000000F1';
const head = (qn, st, cn, flag) => `QN=${qn};ST=${st};CN=${cn};PW=246810;MN=${MN};Flag=${flag};`;
const D301 = 'DataTime=20260302083000;d30102-Rtd=229.80,d30102-Flag=N;d30402-Rtd=0.20,d30402-Flag=N';
const D201 = ['101-Rtd=229.80', '201-Rtd=230.10', '301-Rtd=230.40', '401-Rtd=84.30']
  .map((one) => `d20${one},d20${one.slice(0, 3)}-Flag=N`).join(';');
// [length, head, region, CRC]
export const GOLDEN = [
  ['0101', 'QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;', 'RtdInterval=30', '1C80'],
  ['0237', head('20260302083000001', 44, 2011, 9), `DataTime=20260302083000;${D201}`, 'BE01'],
  ['0172', head('20260302083000002', 44, 2011, 9), D301, '2700'],
  ['0177', `${head('20260302120500003', 44, 2011, 8)}RF=1;`, D301, '5A00'],
  ['0137', head('20260302083000004', 45, 2011, 9), 'DataTime=20260302083000;p99101-Rtd=N;p99102-Rtd=St', 'E2C1'],
  ['0134', head('20260302130000005', 44, 2011, 9), 'BeginTime=20260302080000;EndTime=20260302090000', 'EF41'],
  ['0087', head('20260302083100006', 91, 9015, 9), '', '1F40'],
  ['0087', head('20260302083100006', 91, 9013, 8), '', 'C241'],
  ['0087', head('20260302083000001', 91, 9014, 8), '', '6740'],
  ['0094', head('20260302130000005', 91, 9011, 8), 'QnRtn=1', '84C1'],
  ['0095', head('20260302130000005', 91, 9012, 8), 'ExeRtn=1', '0A00'],
  ['0123', head('20260302070000007', 91, 1002, 9), 'i23005-Info=000000000000000000000001', '4980'],
  ['0140', `${head('20260302000000008', 31, 2051, 10)}PNUM=2;PNO=1;`, 'DataTime=20260302080000;a00000-Avg=17.5', '8A81'],
  ['0128', head('20260302083000009', 31, 2021, 5), 'DataTime=20260302083000;SB1-RS=1;SB2-RS=0', 'A281'],
];
const KEY = Buffer.alloc(16, 0x30);
const A01011 = ['Min', 'Avg', 'Max'].map((one) => `a01011-${one}=1.35`).join(',');
const OFFICIAL_HEAD = 'QN=20240520210700000;ST=31;CN=2051;PW=123456;MN=010000A8900016F000169DC0;Flag=9;';
// [head, region, first hex, last hex, tail, CRC, length]
const OFFICIAL = [
  [OFFICIAL_HEAD, `DataTime=20240520210600;${A01011},a01011-Flag=N;a01012-Min=9.3,a01012-Avg=9.3,a01012-Max=9.3,a01012-Flag=N;`
    + 'a01014-Min=3.20,a01014-Avg=3.211,a01014-Max=3.212,a01014-Flag=N',
  'E43E159ACFAB242CB53155FB8B9281A1', 'D7467C70B94F1D4A7B0350A48DBF8B41', null, '2200', '0295'],
  [OFFICIAL_HEAD, `DataTime=20240520210600;${A01011},a01011-Flag=N;a01014-Min=3.20,a01014-Avg=3.20,a01014-Max=3.20,a01014-Flag=N`,
    'E43E159ACFAB242CB53155FB8B9281A1', 'EF70128554B82438E91ADCE98A0D03A4', 'g=N', 'B541', '0234'],
  [head('20260302083000002', 44, 2011, 9), D301, 'EEC3DD4CB11C1B7884BEBB61A31699E3', '6FDA984B3E4A9A4760C533817316374C84'.slice(2),
    'lag=N', '2700', '0172'],
];

export function selfTest() {
  const told = { checks: 0, failures: [] };
  const hold = (name, got, wanted) => {
    told.checks += 1;
    if (got !== wanted) told.failures.push(`${name}: ${got}, wanted ${wanted}`);
  };
  for (const one of GOLDEN) golden(one, hold);
  const segment = Buffer.from(`${GOLDEN[1][1]}CP=&&${GOLDEN[1][2]}&&`);
  hold('Modbus', crcText(segment, 'modbus'), 'B27F');
  hold('Modbus, swapped', crcText(segment, 'modbus-swapped'), '7FB2');
  for (const [at, one] of OFFICIAL.entries()) official(at, one, hold);
  return told;
}

const sole = (raw, options) => {
  const reader = new Reader(options);
  const told = [...reader.push(raw), ...reader.end()];
  return told.length === 1 && told[0].packet ? told[0].packet : null;
};

function golden([length, start, region, crc], hold) {
  const raw = Buffer.from(`##${length}${start}CP=&&${region}&&${crc}\r\n`);
  const packet = sole(raw, {});
  hold(start, packet && regionText(packet.groups), region);
  hold(`${start} written`, packet && write(packet).toString('latin1'), raw.toString('latin1'));
  hold(`${start} odd`, packet && packet.odd.join(), '');
  const ends = [0, 1, 2, 3, 4, 5, ...Array.from({ length: 8 }, (_, back) => raw.length - 1 - back)];
  for (const at of ends) {
    for (let bit = 0; bit < 8; bit += 1) {
      const changed = Buffer.from(raw);
      changed[at] ^= 1 << bit;
      const small = /[a-f]/.test(String.fromCharCode(changed[at])) && /[A-F]/.test(String.fromCharCode(raw[at]));
      hold(`${start} byte ${at} bit ${bit}`, sole(changed, {}) !== null, small);
    }
  }
}

function official(at, [start, region, first, last, tail, crc, length], hold) {
  const cipher = encipher(KEY, Buffer.from(region));
  const blocks = cipher.subarray(0, cipher.length - (cipher.length % 16)).toString('hex').toUpperCase();
  hold(`vector ${at} starts`, blocks.slice(0, 32), first);
  hold(`vector ${at} ends`, blocks.slice(-last.length), last);
  if (tail !== null) hold(`vector ${at} tail`, cipher.subarray(blocks.length / 2).toString(), tail);
  hold(`vector ${at} back`, decipher(KEY, cipher).toString(), region);
  const groups = region.split(';').map((group) => group.split(',').map((item) => item.split('=')));
  const fields = Object.fromEntries(start.slice(0, -1).split(';').map((field) => field.split('=')));
  for (const form of ['raw', 'printed']) {
    const raw = assemble({ ...fields, groups }, { key: KEY, form });
    hold(`vector ${at} ${form} length`, raw.subarray(2, 6).toString(), length);
    hold(`vector ${at} ${form} CRC`, raw.subarray(-6, -2).toString(), crc);
    const packet = sole(raw, { keys: [KEY] });
    hold(`vector ${at} ${form} read`, packet && `${packet.cipher} ${regionText(packet.groups)}`, `${form} ${region}`);
    hold(`vector ${at} ${form} without the key`, sole(raw, {}), null);
  }
}
