const SECOND_END = 'YYYY-MM-DDThh:mm:ss'.length;
const EPOCH_SECONDS = /^[+-]?\d+$/;
const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):?(\d\d))?$/;

/**
 * A time as ISO 8601 in UTC, `2026-11-20T09:15:00.25Z`: without a zone it is in UTC, the fraction loses its trailing zeros.
 * Also of epoch seconds. null: the text is neither. A zone can lead into the year 0000 or, as ISO 8601 has it, +010000.
 */
export function utcTimestamp(text: string): string | null {
  if (EPOCH_SECONDS.test(text)) return ofMilliseconds(Number(text) * 1000, '');
  const [, date, time, digits = '', sign, hours, minutes] = TIMESTAMP.exec(text) ?? [];
  if (date === undefined) return null;
  const significant = digits.replace(/0+$/, '');
  const fraction = significant === '' ? '' : `.${significant}`;
  const offset = sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  if (offset === 0) return `${date}T${time}${fraction}Z`;
  return ofMilliseconds(Date.parse(`${date}T${time}Z`) - offset * 60_000, fraction);
}

function ofMilliseconds(ms: number, fraction: string): string | null {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? null : time.toISOString().replace('.000Z', `${fraction}Z`);
}

/** Whether `bytes[start, end)` is a time without zone or in UTC, and without a fraction: the common case. */
export function isWholeSecondUtc(bytes: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length !== SECOND_END && !(length === SECOND_END + 1 && bytes[end - 1] === 0x5a)) return false;
  for (let i = 0; i < SECOND_END; i++) {
    const byte = bytes[start + i] as number;
    const isRight =
      i === 4 || i === 7
        ? byte === 0x2d
        : i === 13 || i === 16
          ? byte === 0x3a
          : i === 10
            ? byte === 0x54 || byte === 0x20
            : byte >= 0x30 && byte <= 0x39;
    if (!isRight) return false;
  }
  return true;
}
