import { urisOfEvents } from '../../../src/feeds/domain/cloud-event.js';

const event = (data: unknown) => ({ specversion: '1.0', type: 't', data });

describe('CloudEvents', () => {
  it.each([
    [{ uri: 'file:///in/a.csv' }, 'file:///in/a.csv'],
    [{ bucket: 'b', name: 'in/a.csv' }, 'gs://b/in/a.csv'],
    [{ detail: { bucket: { name: 'b' }, object: { key: 'in/a.csv' } } }, 's3://b/in/a.csv'],
    [{ url: 'https://acc.blob.core.windows.net/c/in/a%20b.csv' }, 'az://acc/c/in/a b.csv'],
  ])('tell of a file by %j', (data, uri) => {
    expect(urisOfEvents(event(data), false)).toEqual([uri]);
    expect(urisOfEvents([event(data), event(data)], false)).toEqual([uri, uri]);
    expect(urisOfEvents(data, true)).toEqual([uri]);
  });

  it.each([{}, null, 'text', { bucket: 1 }, { url: 'https://example.com/a' }, { url: 'https://a.blob.x/%ff' }])(
    'may tell of anything by %j',
    (data) => {
      expect(urisOfEvents(event(data), false)).toBeNull();
    },
  );

  it.each([[null], ['text'], [{}], [[1]], [Array.from({ length: 101 }, () => event({}))]])('are not %j', (body) => {
    expect(() => urisOfEvents(body, false)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }) as Error);
  });
});
