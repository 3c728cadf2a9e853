// node platform.mjs: a platform of HJ 212 on loopback. Its input is JSON lines: the first has the settings, each
// later one a command. Its output is JSON lines: {"event": "listening", "port"}, then one for each packet and step.
// It ends when its input ends.
//
// Settings (all may be absent):
//   crc         standard | modbus | modbus-swapped: what it writes and takes
//   crc_lower   true: it writes the CRC in small letters          upper_only  true: it takes none in small letters
//   ack         9014 | 9011 | 9011-qn (QN and QnRtn within CP) | none
//   answer_qn   same | missing | unix                             answer_flag false: its answers have no Flag
//   keys        [hex…] the newest first, form: raw | printed      plain_answers true: its own packets are plain
//   time_after_each   true: a 1012 after each packet with data
//   chunk       bytes a write, 0 for all at once                  silent, drop  numbers of data packets, from 1,
//                                                                 that get no answer, or the end of the connection
//   wait_s, tries     how long a command waits for 9011, how often it is sent
// Commands:
//   {"do": "history", "mn", "pw", "st", "cn", "begin", "end"}     {"do": "assign", "mn", "pw", "new"}
//   {"do": "renew", "mn", "pw", "key": hex, "groups"}             {"do": "time", "mn", "pw", "now"}
//   {"do": "any", "packet"}                                       {"do": "drop"} closes every connection

import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { Joiner, Reader, WANTS_ANSWER, assemble } from './codec.mjs';

const SYSTEM = '91';
const CHINA_MS = 8 * 3600 * 1000;
const hex = (text) => Buffer.from(text, 'hex');
const say = (event, more = {}) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
const connections = new Set();
const asked = new Map();
const seen = new Map();
const turns = new WeakMap();
let settings = null;
let dataPackets = 0;
let lastQn = 0n;

const stamp = (ms) => new Date(ms + CHINA_MS).toISOString().replace(/\D/g, '');

// A QN that no other packet of this platform has.
function newQn() {
  const now = BigInt(stamp(Date.now()));
  lastQn = now > lastQn ? now : lastQn + 1n;
  return String(lastQn);
}

const keyNow = () => (settings.keys.length > 0 && !settings.plain_answers ? settings.keys[0] : null);

// One packet after the other on a connection, also where each goes in pieces.
function put(socket, packet) {
  const turn = (turns.get(socket) ?? Promise.resolve()).then(() => putNow(socket, packet));
  turns.set(socket, turn);
  return turn;
}

async function putNow(socket, packet) {
  const raw = assemble(packet, { crc: settings.crc, lower: settings.crc_lower, key: keyNow(), form: settings.form });
  say('sent', { cn: packet.CN, qn: packet.QN, mn: packet.MN });
  const size = settings.chunk || raw.length;
  for (let at = 0; at < raw.length && !socket.destroyed; at += size) {
    socket.write(raw.subarray(at, at + size));
    if (settings.chunk) await new Promise((done) => { setImmediate(done); });
  }
}

function answerOf(packet, cn, groups) {
  const answer = { ST: SYSTEM, CN: cn, PW: packet.PW, MN: packet.MN, groups };
  if (settings.answer_qn === 'same') answer.QN = packet.QN;
  if (settings.answer_qn === 'unix') answer.QN = String(Date.now());
  if (settings.answer_flag) answer.Flag = String(Number(packet.Flag ?? 8) & 0xfc);
  return answer;
}

function acknowledge(packet) {
  if (settings.ack === '9014') return answerOf(packet, '9014', []);
  const qn = settings.ack === '9011-qn' && packet.QN ? [[['QN', packet.QN]]] : [];
  return answerOf(packet, '9011', [...qn, [['QnRtn', '1']]]);
}

const brief = ({ raw, groups, ...packet }) => ({ ...packet, items: Object.fromEntries(groups.flat()), bytes: raw?.length });

async function take(socket, joiner, packet) {
  const code = Number(packet.CN);
  say('packet', brief(packet));
  const whole = joiner.push(packet);
  if (whole?.parts) say('joined', brief(whole));
  if (code === 9011 || code === 9012) return answered(packet, code);
  if (code === 9015) return put(socket, answerOf(packet, '9013', []));
  if (code > 9000) return undefined;
  return takeData(socket, packet);
}

async function takeData(socket, packet) {
  dataPackets += 1;
  const name = [packet.MN, packet.ST, packet.CN, packet.QN, packet.PNO].join();
  seen.set(name, (seen.get(name) ?? 0) + 1);
  say('data', { number: dataPackets, qn: packet.QN, times: seen.get(name) });
  if (settings.drop.includes(dataPackets)) return socket.destroy();
  if (settings.silent.includes(dataPackets) || settings.ack === 'none') return undefined;
  if (packet.Flag === undefined || Number(packet.Flag) & WANTS_ANSWER) await put(socket, acknowledge(packet));
  if (settings.time_after_each) await put(socket, order(packet.MN, packet.PW, SYSTEM, '1012', [timeItem()]));
  return undefined;
}

const timeItem = (now = stamp(Date.now()).slice(0, 14)) => [['SystemTime', now]];
const order = (mn, pw, st, cn, groups) => ({ QN: newQn(), ST: st, CN: cn, PW: pw, MN: mn, Flag: '9', groups });

// 9011 says whether it will be done, 9012 how it went; the QN is that of the command.
function answered(packet, code) {
  const result = Object.fromEntries(packet.groups.flat());
  const running = asked.get(packet.QN);
  if (!running) return say('stray', { cn: packet.CN, qn: packet.QN });
  clearTimeout(running.timer);
  if (code === 9011) running.qnRtn = result.QnRtn;
  const over = code === 9012 || result.QnRtn !== '1';
  if (!over) return undefined;
  asked.delete(packet.QN);
  if (result.ExeRtn === '1') running.then();
  return say('done', { cn: running.cn, qn: packet.QN, qnRtn: running.qnRtn ?? null, exeRtn: result.ExeRtn ?? null });
}

function command(packet, then = () => {}) {
  const running = { cn: packet.CN, tries: 0, then };
  const send = () => {
    if (running.tries === settings.tries) {
      asked.delete(packet.QN);
      return say('unanswered', { cn: packet.CN, qn: packet.QN, tries: running.tries });
    }
    running.tries += 1;
    running.timer = setTimeout(send, settings.wait_s * 1000);
    for (const socket of connections) put(socket, packet);
    return undefined;
  };
  asked.set(packet.QN, running);
  send();
}

const COMMANDS = {
  history: ({ mn, pw, st, cn = '2011', begin, end }) =>
    command(order(mn, pw, st, cn, [[['BeginTime', begin]], [['EndTime', end]]])),
  assign: ({ mn, pw, new: assigned }) => command(order(mn, pw, SYSTEM, '1002', [[['i23005-Info', assigned]]])),
  // Both keys count from here on: what is under way still has the old one.
  renew: ({ mn, pw, key, groups }) =>
    command(order(mn, pw, SYSTEM, '1014', groups), () => settings.keys.unshift(hex(key))),
  time: ({ mn, pw, now }) => command(order(mn, pw, SYSTEM, '1012', [timeItem(now)])),
  any: ({ packet }) => command({ QN: newQn(), ...packet }),
  drop: () => connections.forEach((socket) => socket.destroy()),
};

const DEFAULTS = {
  crc: 'standard', crc_lower: false, upper_only: false, ack: '9014', answer_qn: 'same', answer_flag: true,
  keys: [], form: 'raw', plain_answers: false, time_after_each: false, chunk: 0, silent: [], drop: [], wait_s: 10, tries: 3,
};

function serve(socket) {
  // The list of keys is shared: a renewed key counts in connections that stand.
  const reader = new Reader({ crc: [settings.crc], keys: settings.keys, upperOnly: settings.upper_only });
  const joiner = new Joiner();
  let turn = Promise.resolve();
  const tell = (told) => {
    for (const { at, packet, reason } of told) {
      if (packet) turn = turn.then(() => take(socket, joiner, packet));
      else say('refused', { at, reason });
    }
  };
  connections.add(socket);
  say('connected');
  socket.setNoDelay(true);
  socket.on('data', (chunk) => tell(reader.push(chunk)));
  socket.on('error', () => {});
  socket.on('close', () => {
    tell(reader.end());
    connections.delete(socket);
    say('closed');
  });
}

const server = createServer(serve);
for await (const line of createInterface({ input: process.stdin })) {
  const told = JSON.parse(line);
  if (settings) COMMANDS[told.do](told);
  else {
    const unknown = Object.keys(told).filter((name) => !(name in DEFAULTS) && name !== 'port');
    if (unknown.length > 0) throw new Error(`no setting ${unknown}`);
    settings = { ...DEFAULTS, ...told, keys: (told.keys ?? []).map(hex) };
    server.listen(told.port ?? 0, '127.0.0.1', () => say('listening', { port: server.address().port }));
  }
}
process.exit(0);
