import type { Orders } from './orders.js';

/** What `makeOrders` makes of CSV, as objects: a bad quantity in every `badEvery`-th, broken text in some of these. */
export function makeJsonOrders(format: 'json' | 'ndjson', rows: number, badEvery = 0): Orders {
  const elements: string[] = [];
  const orders: Orders = { csv: Buffer.alloc(0), accepted: [], rejected: [] };
  for (let row = 1; row <= rows; row++) {
    const isBad = badEvery > 0 && row % badEvery === 0;
    const sku = row % 5 === 0 ? `bolt, "M${row % 12}"\n},{long` : `sku-${row * 7919}`;
    const members = [
      `"id":${row}`,
      `"sku":${JSON.stringify(sku)}`,
      `"qty":${isBad ? (row % 2 === 0 ? '3.5' : 'tru') : (row * 31) % 1000}`,
      `"price":${(row % 977) / 4}`,
      ...(row % 3 === 0 ? [] : ['"paid":true']),
    ];
    const element = format === 'json' && row % 7 === 0 ? `{\n  ${members.join(',\n  ')}\n}` : `{${members.join()}}`;
    elements.push(element);
    if (isBad) orders.rejected.push(row);
    else orders.accepted.push(element);
  }
  const text = format === 'json' ? `[\n${elements.join(',\n')}\n]\n` : `${elements.join('\n')}\n`;
  orders.csv = Buffer.from(text);
  return orders;
}
