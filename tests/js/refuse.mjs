// What is refused because the format does not have it.

export class FormError extends Error {}

export const refuse = (why) => { throw new FormError(why); };
