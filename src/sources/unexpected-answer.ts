/** An answer that another attempt may get a better one than. Its `code` is the status. */
export function unexpectedAnswer(status: number, detail: string): Error {
  return Object.assign(new Error(`${detail} (status ${status})`), { code: `HTTP ${status}` });
}
