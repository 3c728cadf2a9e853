// Parts to the whole: `push` returns the whole packet, or null while parts are missing.

const OPEN_MOST = 32;

export class Joiner {
  #open = new Map();

  push(packet) {
    if (packet.PNUM === undefined) return packet;
    const name = JSON.stringify([packet.MN, packet.ST, packet.CN, packet.QN, packet.PNUM]);
    const parts = this.#open.get(name) ?? new Map();
    parts.set(Number(packet.PNO), packet);
    this.#open.delete(name);
    if (parts.size === Number(packet.PNUM)) return whole([...parts.keys()].sort().map((at) => parts.get(at)));
    this.#open.set(name, parts);
    // The one that waited longest goes: a sender that never ends its parts costs no memory.
    if (this.#open.size > OPEN_MOST) this.#open.delete(this.#open.keys().next().value);
    return null;
  }
}

function whole(parts) {
  const { PNUM, PNO, ...first } = parts[0];
  // Each part may say again of what time it is; what else stands twice is two values.
  const lead = first.groups[0]?.[0][0] === 'DataTime' ? JSON.stringify(first.groups[0]) : null;
  const rest = parts.slice(1).flatMap(({ groups }) => (JSON.stringify(groups[0]) === lead ? groups.slice(1) : groups));
  return { ...first, parts: parts.length, groups: [...first.groups, ...rest] };
}
