/** `it`, but skipped where services are several processes (E2E_POSTGRES_URL). */
export const onOneProcess = process.env['E2E_POSTGRES_URL'] === undefined ? it : it.skip;
