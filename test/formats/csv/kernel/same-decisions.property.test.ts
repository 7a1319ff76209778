import fc from 'fast-check';
import { CsvKernel, createCsvReader, createKernelReader } from '../../../../src/formats/index.js';
import { anyCsvFile } from '../any-csv-file.js';
import { bytesOf, type Given, optionsFor, readAll } from '../read-all.js';
import { expectedOf, RecordBatchConsumer } from './record-batch-consumer.js';

const kernel = new CsvKernel();

describe('the kernel and the reference reader', () => {
  it('decide the same about whatever file', async () => {
    await fc.assert(
      fc.asyncProperty(anyCsvFile, fc.array(fc.nat(), { maxLength: 6 }), async (given, cuts) => {
        const expected = await readAll(createCsvReader, given);
        const got = await readAll((options) => createKernelReader(options, kernel), given, cuts);
        expect(got.decisions).toEqual(expected.decisions);
        expect(got.positions.at(-1)).toEqual(expected.positions.at(-1));
        const consumer = new RecordBatchConsumer(kernel, 1024 ** 2);
        const reader = createKernelReader(await optionsFor(given), kernel);
        reader.push(bytesOf(given).subarray(reader.position.byte));
        while (reader.advance(consumer));
        reader.end();
        while (reader.advance(consumer));
        consumer.end();
        const { accepted, rejected, byCode, strays } = expectedOf(expected.decisions);
        expect(consumer.batches.values).toEqual(accepted);
        expect(consumer.rejections.values).toEqual(rejected);
        expect(consumer.rejections.byCode).toEqual(byCode);
        expect(consumer.rejections.strays).toEqual(strays);
      }),
      // Neither of these spellings can be in a file.
      { numRuns: 2000, examples: [[{ ...twoColumns('a,b\n,1\nx,'), nullValues: ['', '\ud800'] }, []]] },
    );
  });
});

function twoColumns(text: string): Given {
  return { file: text, schema: { a: 'String', b: 'Nullable(Int8)' } };
}
