// Bytes in any chunks to frames, by the length field alone: raw SM4 may contain the marks and the line end.
// `push` returns [{at, frame}] and [{at, reason}] in order; `at` counts from the first byte of the stream.
//
// frame = {raw, segment, crc, printed}: `printed` is true where the length counts cipher bytes, yet each stands as
// two digits, so that more bytes follow than the field says.

import { BLOCK, looksPrinted, wholeBlocks } from './sm4.mjs';

const HEAD = 6;
const TAIL = 6;
const MARK = Buffer.from('##');
const OPEN = Buffer.from('CP=&&');
const CLOSE_LENGTH = 2;
const MORE = Symbol('more bytes are needed');

export class Stream {
  #held = Buffer.alloc(0);
  #at = 0;

  push(chunk) {
    this.#held = Buffer.concat([this.#held, chunk]);
    const told = [];
    while (this.#held.length > 0) {
      const junk = this.#skipJunk();
      if (junk) told.push(junk);
      const found = frameAt(this.#held);
      if (found === MORE) break;
      told.push({ at: this.#at + (found.at ?? 0), ...(found.reason ? { reason: found.reason } : { frame: found }) });
      // A wrong length says nothing of where the packet ends: look for the next mark, which may begin within this one.
      this.#drop(found.reason ? 1 : found.raw.length);
    }
    return told;
  }

  // What is left when the connection ends.
  end() {
    if (this.#held.length === 0) return [];
    const told = [{ at: this.#at + this.#held.length, reason: 'the packet ends too early' }];
    const rest = this.#held.subarray(1);
    this.#drop(1);
    this.#held = Buffer.alloc(0);
    // A false mark may have swallowed whole packets behind it.
    const inner = new Stream();
    inner.#at = this.#at;
    return [...told, ...(rest.includes(MARK) ? [...inner.push(rest), ...inner.end()] : [])];
  }

  #drop(count) {
    this.#held = this.#held.subarray(count);
    this.#at += count;
  }

  #skipJunk() {
    let start = this.#held.indexOf(MARK);
    if (start < 0) start = this.#held.at(-1) === MARK[0] ? this.#held.length - 1 : this.#held.length;
    if (start === 0) return null;
    const told = { at: this.#at, reason: `${start} bytes before the mark ##` };
    this.#drop(start);
    return told;
  }
}

function frameAt(held) {
  const digits = held.subarray(2, HEAD).toString('latin1');
  const wrong = digits.search(/[^0-9]/);
  if (wrong >= 0) return { at: 2 + wrong, reason: 'the length is not four digits' };
  if (held.length < HEAD) return MORE;
  const length = Number(digits);
  const printed = printedLength(held, length);
  if (held.length < HEAD + length + TAIL) return MORE;
  const plain = cut(held, length, false);
  if (!plain.reason || printed === length) return plain;
  return held.length < HEAD + printed + TAIL ? MORE : cut(held, printed, true);
}

// How many bytes the segment takes if its cipher stands in digits and the length counts bytes.
function printedLength(held, length) {
  const open = held.subarray(0, HEAD + length).indexOf(OPEN);
  if (open < 0) return length;
  const start = open + OPEN.length;
  const region = HEAD + length - CLOSE_LENGTH - start;
  return region >= BLOCK && looksPrinted(held.subarray(start)) ? length + wholeBlocks(region) : length;
}

function cut(held, length, printed) {
  const end = HEAD + length;
  const crc = held.subarray(end, end + 4).toString('latin1');
  const close = held.subarray(end - CLOSE_LENGTH, end).toString('latin1');
  if (close !== '&&') return { at: end - CLOSE_LENGTH, reason: 'no closing && where the length says' };
  const wrong = crc.search(/[^0-9A-Fa-f]/);
  if (wrong >= 0) return { at: end + wrong, reason: 'the CRC is not four hex digits' };
  if (held.subarray(end + 4, end + TAIL).toString('latin1') !== '\r\n') return { at: end + 4, reason: 'no CR LF' };
  return { raw: held.subarray(0, end + TAIL), segment: held.subarray(HEAD, end), crc, printed };
}
