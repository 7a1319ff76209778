/** What may be done to a text before it is checked. */
export const NORMALIZE_OPERATIONS = ['trim', 'lowercase', 'uppercase', 'iso_date'] as const;
export type NormalizeOperation = (typeof NORMALIZE_OPERATIONS)[number];
