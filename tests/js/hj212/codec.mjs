// A second codec of HJ 212-2017 and -2025, made from a description of the standard alone, without a look at the first.
// It has no packages: node's own crypto has SM4.

import { readFrame } from './read.mjs';
import { Refused } from './refuse.mjs';
import { Stream } from './stream.mjs';

export { CRC_KINDS, crcText } from './crc.mjs';
export { MARKS, SPLIT, WANTS_ANSWER } from './fields.mjs';
export { Joiner } from './join.mjs';
export { readFrame } from './read.mjs';
export { decipher, encipher } from './sm4.mjs';
export { assemble, regionText, split, write } from './write.mjs';
export { Refused, Stream };

// Bytes in any chunks to [{at, packet} | {at, reason}]; call `end` when the connection ends.
export class Reader {
  #stream = new Stream();

  constructor(options = {}) {
    this.options = options;
  }

  push(chunk) {
    return this.#stream.push(chunk).map((told) => this.#open(told));
  }

  end() {
    return this.#stream.end().map((told) => this.#open(told));
  }

  #open(told) {
    if (!told.frame) return told;
    try {
      return { at: told.at, packet: readFrame(told.frame, this.options) };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { at: told.at + error.at, reason: error.reason, raw: told.frame.raw };
    }
  }
}
