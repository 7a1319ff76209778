import { refuseUnusableNormalize } from '../../../src/ingest/options/column-options.js';
import { compileSchema } from '../../../src/models/schema/index.js';

const PROPERTIES = {
  name: { type: 'string' },
  qty: { type: 'integer' },
  tags: { type: 'array' },
  at: { type: 'object' },
};
const OPEN = compileSchema({ type: 'object', properties: PROPERTIES });
const CLOSED = compileSchema({ type: 'object', properties: PROPERTIES, additionalProperties: false });

describe('the columns that a job normalizes', () => {
  it('may be any that hold one text, and those that an open model does not know', () => {
    expect(() => refuseUnusableNormalize({ name: ['trim'], qty: ['trim'] }, CLOSED)).not.toThrow();
    expect(() => refuseUnusableNormalize({ other: ['trim'] }, OPEN)).not.toThrow();
  });

  it.each([
    [OPEN, 'tags', "normalize: column 'tags' is an Array; only text columns can be normalized"],
    [CLOSED, 'at', "normalize: column 'at' is an Object; only text columns can be normalized"],
    [CLOSED, 'other', 'normalize: the model has no column "other" and allows no additional columns'],
  ])('are refused if they could have no effect', (model, name, message) => {
    const refused = expect.objectContaining({ code: 'INVALID_OPTION', message });
    expect(() => refuseUnusableNormalize({ name: ['trim'], [name]: ['trim'] }, model)).toThrow(refused);
  });
});
