import fc from 'fast-check';
import multer from 'multer';
import { encodeForm } from '../../packages/sdk/src/platform/multipart.js';
import { startServer, type TestServer } from './http-server.js';

interface Parsed {
  fields: Record<string, string>;
  file: { filename: string; content: string } | null;
  contentLength: string | null;
}

/** Parses with multer, as the service does. */
const upload = multer({ storage: multer.memoryStorage(), preservePath: true, defParamCharset: 'utf8' });

let server: TestServer;
beforeAll(async () => {
  server = await startServer((request, response) => {
    upload.single('file')(request as never, response as never, (error: unknown) => {
      const { body, file } = request as unknown as { body: Record<string, string>; file?: Express.Multer.File };
      response.statusCode = error ? 500 : 200;
      const parsed: Parsed = {
        fields: { ...body },
        file: file ? { filename: file.originalname, content: file.buffer.toString('base64') } : null,
        contentLength: request.headers['content-length'] ?? null,
      };
      response.end(error instanceof Error ? error.message : JSON.stringify(parsed));
    });
  });
});
afterAll(() => server.close());

async function* each(chunks: Uint8Array[]) {
  yield* chunks;
}

async function send(fields: Array<[string, string]>, filename: string, chunks: Uint8Array[], size: number | null) {
  const form = encodeForm(fields, { field: 'file', filename, size, content: each(chunks) });
  const length = form.contentLength === null ? {} : { 'content-length': String(form.contentLength) };
  const response = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': form.contentType, ...length },
    body: ReadableStream.from(form.chunks),
    duplex: 'half',
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return { parsed: JSON.parse(text) as Parsed, contentLength: form.contentLength };
}

describe('the multipart body', () => {
  it('is read back by the parser of the service: fields, file name and bytes, with and without a known size', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.stringMatching(/^[a-z][a-z_.-]{0,12}$/), text, { noNullPrototype: true, maxKeys: 5 }),
        text.filter((name) => name.length > 0 && !/%0A|%0D|%22/i.test(name)),
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }),
        fc.boolean(),
        async (fields, filename, chunks, sized) => {
          const content = Buffer.concat(chunks);
          const { parsed, contentLength } = await send(
            Object.entries(fields),
            filename,
            chunks,
            sized ? content.length : null,
          );
          expect(parsed.fields).toEqual(fields);
          expect(parsed.file?.content).toBe(content.toString('base64'));
          expect(parsed.file?.filename).toBe(filename.replace(/[^\P{Cc}\r\n]/gu, encodeURIComponent));
          expect(parsed.contentLength).toBe(sized ? String(contentLength) : null);
        },
      ),
      { numRuns: 150 },
    );
  });

  it.each([
    'orders.csv',
    'Übersicht 2026 – 注文.csv',
    'a "quoted" name.csv',
    'back\\slash.csv',
    'ends with \\',
    '🎉.csv',
  ])('keeps the file name %s', async (filename) => {
    const { parsed } = await send([], filename, [Buffer.from('a\n')], 2);
    expect(parsed.file?.filename).toBe(filename);
  });

  it('lets no file name add a header or a field', async () => {
    const { parsed } = await send([['model_id', 'orders']], 'x"\r\nEvil: 1\r\n\r\n.csv', [Buffer.from('a\n')], 2);
    expect(parsed.fields).toEqual({ model_id: 'orders' });
    expect(parsed.file?.filename).toBe('x"\r\nEvil: 1\r\n\r\n.csv');
  });

  it.each([
    ['more', 3],
    ['fewer', 5],
  ])('fails where the file has %s bytes than it promised', async (_, size) => {
    const form = encodeForm([], { field: 'file', filename: 'f', size, content: each([Buffer.from('1234')]) });
    const drain = async () => {
      for await (const _chunk of form.chunks);
    };
    await expect(drain()).rejects.toThrow(`f changed while it was uploaded: ${size} bytes`);
  });
});
