// The fields of a segment and what each may hold: read leniently with the oddities said, written strictly.

export const HEAD_FIELDS = ['QN', 'ST', 'CN', 'PW', 'MN', 'Flag', 'PNUM', 'PNO', 'RF'];
export const NEEDED = ['ST', 'CN', 'PW', 'MN'];
export const SEGMENT_MOST = 1024;
export const REGION_MOST = 950;
export const MARKS = 'NFMSDCTB';
export const SPLIT = 2;
export const WANTS_ANSWER = 1;
const TIME_FIELDS = new Set(['DataTime', 'BeginTime', 'EndTime', 'SystemTime']);

// YYYYMMDDhhmmss with or without milliseconds, and a time that exists.
export function isTime(text, digits) {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})?$/.exec(text);
  if (!parts || text.length !== digits) return false;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number);
  if (year === 0 || month < 1 || month > 12 || day < 1) return false;
  const days = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  return day <= days && hour < 24 && minute < 60 && second < 60;
}

// [strict form, {lenient form: what is odd}].
const FORMS = {
  QN: [(v) => isTime(v, 17), [[(v) => /^\d{13}$/.test(v), 'QN in Unix milliseconds']]],
  ST: [(v) => /^\d\d$/.test(v), []],
  CN: [(v) => /^\d{4}$/.test(v), []],
  PW: [(v) => /^[0-9A-Za-z]{6}$/.test(v), []],
  MN: [(v) => /^[0-9A-Za-z]{24}$/.test(v), [[(v) => /^[0-9A-Za-z]{1,23}$/.test(v), 'MN is short']]],
  Flag: [(v) => /^(0|[1-9]\d{0,2})$/.test(v) && Number(v) < 256, []],
  PNUM: [(v) => /^[1-9]$/.test(v), []],
  PNO: [(v) => /^[1-9]$/.test(v), []],
  RF: [(v) => v === '1', []],
};

// null where the form is wrong, '' where it is right, otherwise what is odd.
export function judgeHead(name, value) {
  const [strict, lenient] = FORMS[name];
  if (strict(value)) return '';
  return lenient.find(([fits]) => fits(value))?.[1] ?? null;
}

export const isName = (name) => /^[A-Za-z0-9_-]+$/.test(name);
export const isValue = (value) => /^[\x21-\x7e]*$/.test(value) && !/[;,=&#]/.test(value);

export function judgeItem(name, value) {
  if (TIME_FIELDS.has(name)) {
    if (isTime(value, 14)) return '';
    return isTime(value, 17) ? `${name} with milliseconds` : null;
  }
  if (name.endsWith('-Flag') && !(value.length === 1 && MARKS.includes(value))) return `${name} has an unknown mark`;
  return '';
}
