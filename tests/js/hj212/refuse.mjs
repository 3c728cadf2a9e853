// What is refused: the byte where it went wrong, counted from the start of what was given, and why.

export class Refused extends Error {
  constructor(at, reason) {
    super(`byte ${at}: ${reason}`);
    this.at = at;
    this.reason = reason;
  }
}

export const refuse = (at, reason) => { throw new Refused(at, reason); };
