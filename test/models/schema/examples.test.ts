import { readdirSync, readFileSync } from 'node:fs';
import { compileSchema } from '../../../src/models/schema/index.js';

describe('the schemas that come with the project', () => {
  it.each(readdirSync('schemas'))('%s describes one column for each of its names', (name) => {
    const schema = JSON.parse(readFileSync(`schemas/${name}`, 'utf8')) as Record<string, string>;
    expect(compileSchema(schema).columns.map((column) => column.name)).toEqual(Object.keys(schema));
  });
});
