// Orders, the number of the newest, and what the root says of keys: docs/format.md, section 15, written from it alone.

import { plain } from './record.mjs';
import { array, decode, FormError, gateway, list, octets, publicKey, refuse, same, sign1, text, uint, ZEROS } from './strict.mjs';

const ORDER_MAX = 16_384;
const NEWEST_MAX = 768;
const STATEMENT_MAX = 1_024;
const SEQ_MAX = 2 ** 32 - 1;
const LIVE_MAX = 64;
const KINDS = ['alert', 'cancel', 'check', 'config', 'diagnose', 'list', 'supervise'];

const matching = (pattern) => (value) =>
  (typeof value === 'string' && pattern.test(value) ? value : refuse('another form'));
const kind = matching(/^[a-z][a-z0-9_]{0,15}$/);
const area = matching(/^[0-9A-Za-z]{0,32}$/);
const id = gateway;
const named = (value) => text(value) || refuse('no name');

export function openOrder(raw) {
  const signed = sign1(raw, ORDER_MAX);
  const items = array(decode(signed.payload, ORDER_MAX), 15);
  uint(items[0], 1, 1);
  const order = {
    id: id(items[1]), rev: uint(items[2], 65_535, 1), seq: uint(items[3], SEQ_MAX, 1), kind: kind(items[4]),
    gateway: gateway(items[5]), issuer: named(items[6]), number: text(items[7], 128), issued: uint(items[8]),
    effective: uint(items[9]), body: items[14], signed,
  };
  uint(items[10]);
  if (items[10] < order.effective) refuse('ends before it begins');
  if (items[11] !== null) uint(items[11]);
  uint(items[12], 255);
  if (typeof items[13] !== 'boolean') refuse('neither a test nor none');
  if (!(order.body instanceof Map)) refuse('no body');
  plain(order.body);
  if (order.kind === 'cancel') id(order.body.get('order'));
  return order;
}

export function openNewest(raw) {
  const signed = sign1(raw, NEWEST_MAX);
  const [version, name, seq, hash, live, keys, utc] = array(decode(signed.payload, NEWEST_MAX), 7);
  uint(version, 1, 1);
  gateway(name);
  uint(seq, SEQ_MAX);
  octets(hash, 32);
  octets(keys, 32);
  uint(utc);
  let before = 0;
  for (const one of list(live, LIVE_MAX)) before = uint(one, seq, before + 1);
  if ((seq === 0) !== same(hash, ZEROS)) refuse('the hash of no order');
  return { gateway: name, seq, utc, signed };
}

export async function openStatement(raw, root) {
  const signed = sign1(raw, STATEMENT_MAX);
  const items = decode(signed.payload, STATEMENT_MAX);
  const read = READ[Array.isArray(items) ? items.length : 0] ?? refuse('no statement of a root');
  uint(items[0], 1, 1);
  const one = read(items);
  if (!(await signed.holds(root, one.domain))) refuse('not signed by the root');
  return one;
}

const READ = {
  4: ([, name, where, utc]) => ({ domain: 'dj1.place', gateway: gateway(name), area: area(where), utc: uint(utc) }),
  5: ([, key, since, utc, reason]) => {
    [since, utc].forEach((one) => uint(one));
    text(reason, 200);
    return { domain: 'dj1.withdraw', withdrawn: publicKey(key), since };
  },
  9: ([, role, name, key, kinds, where, from, until, utc]) => {
    const of = list(kinds, 16).map(kind);
    of.forEach((one, at) => { if (at > 0 && of[at - 1] >= one) refuse('kinds do not ascend'); });
    if ((uint(role, 2) === 1) !== (of.length > 0)) refuse('kinds are for bureaus');
    uint(from);
    if (uint(until) < from) refuse('ends before it begins');
    uint(utc);
    return { domain: 'dj1.certify', role, name: named(name), key: publicKey(key), kinds: of, area: area(where), from, until };
  },
};

// The root's statements among `raws`, in their order.
export async function trust(raws, root) {
  const known = { certificates: [], withdrawn: [], ended: [], places: new Map() };
  for (const raw of raws) {
    let one;
    try {
      one = await openStatement(raw, root);
    } catch (error) {
      if (!(error instanceof FormError)) throw error;
      continue;
    }
    if (one.withdrawn) {
      known.withdrawn.push(one.withdrawn);
      known.ended.push({ key: one.withdrawn, since: one.since });
    }
    else if (one.key) known.certificates.push(one);
    else if (!(known.places.get(one.gateway)?.utc >= one.utc)) known.places.set(one.gateway, one);
  }
  return known;
}

const isIn = (keys, key) => keys.some((one) => same(one, key));

// The issuer under whose certificate an order counts for a gateway, or the reason why it counts under none.
export async function judge(order, name, known) {
  const named_ = known.certificates.filter((one) => one.role === 1 && one.name === order.issuer);
  let key = null;
  for (const one of named_) if (key === null && await order.signed.holds(one.key, 'dj1.order')) key = one.key;
  if (key === null) return { good: false, reason: 'key' };
  if (order.gateway !== name) return { good: false, reason: 'gateway' };
  if (isIn(known.withdrawn, key)) return { good: false, reason: 'withdrawn' };
  let left = named_.filter((one) => same(one.key, key) && one.from <= order.issued && order.issued <= one.until);
  if (left.length === 0) return { good: false, reason: 'validity' };
  left = left.filter((one) => one.kinds.includes(order.kind) && KINDS.includes(order.kind));
  if (left.length === 0) return { good: false, reason: 'kind' };
  const where = known.places.get(name)?.area ?? '';
  if (!left.some((one) => where.startsWith(one.area))) return { good: false, reason: 'area' };
  return { good: true, reason: '' };
}

// Whether the root, or a receipt key that it certified for that time, has signed the number of the newest.
export async function isReceiptKeys(newest, known, root) {
  if (await newest.signed.holds(root, 'dj1.orders')) return true;
  for (const one of known.certificates) {
    const inTime = one.role === 0 && one.from <= newest.utc && newest.utc <= one.until;
    if (inTime && !isIn(known.withdrawn, one.key) && await newest.signed.holds(one.key, 'dj1.orders')) return true;
  }
  return false;
}
