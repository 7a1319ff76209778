import { FileBytes } from '../../../src/formats/parquet/file-bytes.js';

const whole = Buffer.from('0123456789');
const file = {
  // At most three bytes at a time, as a file may.
  read: (buffer: Buffer, offset: number, length: number, position: number) =>
    Promise.resolve({ bytesRead: whole.copy(buffer, offset, position, Math.min(position + Math.min(3, length), 10)) }),
};

describe('the bytes of a file whose end is replaced', () => {
  const bytes = new FileBytes(file, 6, Buffer.from('TAIL'), 8);

  it.each([
    [0, 4, '0123'],
    [4, 9, '45TAI'],
    [7, 99, 'AIL'],
  ])('are read from %i to %i', async (from, to, text) => {
    const slice = bytes.slice(from, to);
    expect(Buffer.from(await slice.arrayBuffer()).toString()).toBe(text);
    expect(slice.size).toBe(text.length);
  });

  it('are no more than may be read at a time, and none behind the end', async () => {
    await expect(bytes.slice(0, 9).arrayBuffer()).rejects.toThrow('a read of 9 bytes');
    await expect(new FileBytes(file, 12, Buffer.alloc(0), 99).slice(8).arrayBuffer()).rejects.toThrow('ends too early');
    expect(bytes.isReading).toBe(false);
  });

  it('are freed at once when they are released', async () => {
    const memory = await bytes.slice(0, 4).arrayBuffer();
    bytes.release();
    expect([memory.byteLength, memory.detached]).toEqual([0, true]);
    bytes.release();
  });
});
