// The check of HJ 212 (appendix A) and the two that are met in its place.

const shifted = (value) => {
  let crc = value;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  return crc;
};

// The standard drops the low half instead of mixing it: that is the difference from Modbus.
const standard = (bytes) => bytes.reduce((crc, byte) => shifted((crc >> 8) ^ byte), 0xffff);
const modbus = (bytes) => bytes.reduce((crc, byte) => shifted(crc ^ byte), 0xffff);
const swap = (crc) => ((crc & 0xff) << 8) | (crc >> 8);

const COMPUTE = { standard, modbus, 'modbus-swapped': (bytes) => swap(modbus(bytes)) };

export const CRC_KINDS = Object.keys(COMPUTE);

export function crcText(bytes, kind) {
  if (!CRC_KINDS.includes(kind)) throw new Error(`no CRC named ${kind}`);
  return COMPUTE[kind](bytes).toString(16).toUpperCase().padStart(4, '0');
}
