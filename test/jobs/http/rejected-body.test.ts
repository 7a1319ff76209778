import { buffer } from 'node:stream/consumers';
import { jsonArray, jsonArrayBytes } from '../../../src/jobs/http/rejected-body.js';

describe('a page of rejected rows', () => {
  it.each([0, 1, 2, 300])('of %d rows is a JSON array of the length that was announced', async (count) => {
    const values = Array.from({ length: count }, (_, row) => ({ row, text: 'é'.repeat(400) }));
    const rows = values.map((value) => Buffer.from(JSON.stringify(value)));
    const length = jsonArrayBytes(rows);
    const body = await buffer(jsonArray(rows));
    expect(JSON.parse(body.toString())).toEqual(values);
    expect(body).toHaveLength(length);
  });

  it('holds no row that was sent', async () => {
    const rows = Array.from({ length: 300 }, (_, row) => Buffer.from(JSON.stringify('a'.repeat(1000 + row))));
    const body = jsonArray(rows);
    const sizes: number[] = [];
    for await (const _piece of body) sizes.push(rows.length);
    expect(sizes[0]).toBeLessThan(300);
    expect(rows).toEqual([]);
  });
});
