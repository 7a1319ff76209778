import { nextCursor } from '../../packages/sdk/src/pages.js';

describe('the next page', () => {
  it.each([
    ['</jobs?limit=2&cursor=abc>; rel="next"', 'abc'],
    ['<https://batch.example/api/jobs?cursor=abc>; rel="next"', 'abc'],
    ['</jobs?cursor=first>; rel="first", </jobs?cursor=abc>; rel="next"; title="more, please"', 'abc'],
    ['</jobs?cursor=a%2Bb>; rel=next', 'a+b'],
    ['</jobs?cursor=abc>; title="x"; rel="last next"', 'abc'],
  ])('is found in %s', (link, cursor) => {
    expect(nextCursor(link)).toBe(cursor);
  });

  it.each([[null], [''], ['</jobs?cursor=abc>; rel="prev"'], ['</jobs?cursor=abc>'], ['</jobs>; rel="next"']])(
    'does not exist in %s',
    (link) => {
      expect(nextCursor(link)).toBeNull();
    },
  );
});
