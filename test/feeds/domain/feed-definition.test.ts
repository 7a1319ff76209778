import { parseFeed, parseRetry } from '../../../src/feeds/domain/feed-definition.js';

const given = { id: 'in', source: { uri: 'file:///in/' }, model_id: 'orders' };

describe('what a feed is created with', () => {
  it('has defaults', () => {
    expect(parseFeed(given)).toMatchObject({
      id: 'in',
      secret: null,
      definition: { every: 60, again: 'changed', after: 'keep', afterPartial: 'keep', complete: null, maxFailures: 10 },
    });
  });

  it.each([
    [{ id: '' }, 'INVALID_REQUEST'],
    [{ id: '../x' }, 'INVALID_REQUEST'],
    [{ every: 0 }, 'INVALID_REQUEST'],
    [{ every: 1.5 }, 'INVALID_REQUEST'],
    [{ again: 'always' }, 'INVALID_REQUEST'],
    [{ after: 'move' }, 'INVALID_REQUEST'],
    [{ after: 'move', move_to: 'file:///done' }, 'INVALID_REQUEST'],
    [{ move_to: 'file:///done/' }, 'INVALID_REQUEST'],
    [{ complete: {} }, 'INVALID_REQUEST'],
    [{ complete: { marker: 'x' } }, 'INVALID_REQUEST'],
    [{ complete: { stable: 1 } }, 'INVALID_REQUEST'],
    [{ complete: { stable: 5, marker: 'done' } }, 'INVALID_REQUEST'],
    [{ secret: 'short' }, 'INVALID_REQUEST'],
    [{ evry: 5 }, 'INVALID_REQUEST'],
    [{ source: 'file:///in/' }, 'INVALID_REQUEST'],
    [{ model_id: undefined }, 'MISSING_MODEL_ID'],
    [{ options: { delimiter: 'xx' } }, 'INVALID_OPTION'],
  ])('is refused with %j', (member, code) => {
    expect(() => parseFeed({ ...given, ...member })).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('says which files are to be taken again', () => {
    expect([parseRetry({}), parseRetry({ files: ['A'.repeat(22)] })]).toEqual([null, ['A'.repeat(22)]]);
    for (const files of [[], ['x'], 'A'.repeat(22), Array.from({ length: 1_001 }, () => 'A'.repeat(22))]) {
      expect(() => parseRetry({ files })).toThrow(/files must be/);
    }
  });
});
