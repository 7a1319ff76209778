import { likelyEncoding } from '../../src/decoding/index.js';

const TEXT = 'id,name\n1,Zoë\n2,Björn\n';

it.each<[string, Buffer, string]>([
  ['ASCII', Buffer.from('id,name\n'), 'utf-8'],
  ['UTF-8', Buffer.from(TEXT), 'utf-8'],
  ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${TEXT}`), 'utf-8'],
  ['UTF-16 with a byte order mark', Buffer.from(`\uFEFF${TEXT}`, 'utf16le'), 'utf-16le'],
  ['UTF-16 without', Buffer.from(TEXT, 'utf16le'), 'utf-16le'],
  ['UTF-16 in the other order', Buffer.from(TEXT, 'utf16le').swap16(), 'utf-16be'],
  ['Chinese in UTF-16', Buffer.from('编号,名称\n1,李雷\n2,韩梅梅\n', 'utf16le'), 'utf-16le'],
  ['windows-1252', Buffer.from(TEXT, 'latin1'), 'windows-1252'],
  ['a single NUL in a long text', Buffer.from(`${TEXT.repeat(20)}\0`), 'utf-8'],
  ['nothing', Buffer.alloc(0), 'utf-8'],
])('is found of %s', (_what, bytes, encoding) => {
  expect(likelyEncoding(bytes, true)).toBe(encoding);
});

it('is not misled by a character that is cut', () => {
  const bytes = Buffer.from('name\n😀');
  for (let cut = 1; cut < 4; cut++) {
    expect(likelyEncoding(bytes.subarray(0, -cut), false)).toBe('utf-8');
    expect(likelyEncoding(bytes.subarray(0, -cut), true)).toBe('windows-1252');
  }
});
