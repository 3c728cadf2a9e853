// SM4 between the marks of CP (HJ 212-2025, 6.4.1): ECB, whole blocks of 16 bytes, the rest stays plain.

import { createCipheriv, createDecipheriv } from 'node:crypto';

export const BLOCK = 16;
export const wholeBlocks = (length) => length - (length % BLOCK);

function ecb(make, key, bytes) {
  if (key.length !== BLOCK) throw new Error(`a key of ${key.length} bytes, not of ${BLOCK}`);
  const cipher = make('sm4-ecb', key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
}

const part = (make, key, region) => {
  const end = wholeBlocks(region.length);
  return [ecb(make, key, region.subarray(0, end)), region.subarray(end)];
};

export const encipher = (key, region) => Buffer.concat(part(createCipheriv, key, region));
export const decipher = (key, region) => Buffer.concat(part(createDecipheriv, key, region));

// The printed form has each cipher byte as two hex digits; the tail stands as it is.
export function print(cipher) {
  const end = wholeBlocks(cipher.length);
  return Buffer.concat([Buffer.from(cipher.subarray(0, end).toString('hex').toUpperCase()), cipher.subarray(end)]);
}

export const looksPrinted = (region) => /^[0-9A-Fa-f]{32}/.test(region.subarray(0, 2 * BLOCK).toString('latin1'));

// Back from the printed form, or null where it is none.
export function unprint(region) {
  const digits = region.length - (region.length % (2 * BLOCK));
  const text = region.subarray(0, digits).toString('latin1');
  if (region.length - digits >= BLOCK || !/^[0-9A-Fa-f]+$/.test(text)) return null;
  return Buffer.concat([Buffer.from(text, 'hex'), region.subarray(digits)]);
}
