import { type ErrorCode, ServiceError } from '../../src/errors/index.js';
import { createLog } from '../../src/observability/index.js';
import { type OpenFile, RetriedFile } from '../../src/storage/index.js';

const codes: { size: ErrorCode; unreadable: ErrorCode } = { size: 'SOURCE_CHANGED', unreadable: 'SOURCE_UNAVAILABLE' };
const away = (): Error => Object.assign(new Error('away'), { code: 'ECONNREFUSED' });

/** Opens what `opens` gives, one after the other, the last of them again and again. */
function fileOf(opens: (() => OpenFile)[], timeoutMs = 200) {
  let opened = 0;
  const open = async () => (opens[Math.min(opened++, opens.length - 1)] as () => OpenFile)();
  const file = new RetriedFile({ open, sizeBytes: 4, timeoutMs, log: createLog('silent'), what: 's3://b/a', codes });
  return { file, opened: () => opened };
}

function plain(read: OpenFile['read'], sizeBytes = 4): OpenFile & { closed: number } {
  return {
    sizeBytes,
    read,
    closed: 0,
    async close() {
      this.closed += 1;
    },
  };
}

const good = () =>
  plain(async (buffer, offset, length, position) => ({
    bytesRead: Buffer.from('abcd').copy(buffer, offset, position, position + length),
  }));

describe('a file whose reads are tried again', () => {
  it('is opened again after each failure, and what failed is closed', async () => {
    const broken = plain(() => Promise.reject(away()));
    const { file, opened } = fileOf([
      () => {
        throw away();
      },
      () => broken,
      good,
    ]);
    const buffer = Buffer.alloc(4);
    expect(await file.read(buffer, 0, 4, 0)).toEqual({ bytesRead: 4 });
    expect([buffer.toString(), opened(), broken.closed, file.failure]).toEqual(['abcd', 3, 1, null]);
    await file.close();
  });

  it('is unreadable after its time, and says what the system called it', async () => {
    const { file } = fileOf([
      () => {
        throw away();
      },
    ]);
    const failure = { code: 'SOURCE_UNAVAILABLE', message: 's3://b/a cannot be read (ECONNREFUSED)' };
    await expect(file.read(Buffer.alloc(4), 0, 4, 0)).rejects.toMatchObject(failure);
    expect(file.failure).toMatchObject(failure);
    await file.close();
  });

  it('is another one if it has another size, or ends early', async () => {
    const large = plain(() => Promise.reject(away()), 5);
    const { file } = fileOf([() => large]);
    await expect(file.read(Buffer.alloc(4), 0, 4, 0)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    expect(large.closed).toBe(1);
    const { file: short } = fileOf([() => plain(async () => ({ bytesRead: 0 }))]);
    await expect(short.read(Buffer.alloc(4), 0, 4, 2)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    await Promise.all([file.close(), short.close()]);
  });

  it('is not tried again if that is of no use', async () => {
    const error = new ServiceError('SOURCE_FORBIDDEN', 'no');
    const { file, opened } = fileOf([
      () => {
        throw error;
      },
    ]);
    await expect(file.read(Buffer.alloc(4), 0, 4, 0)).rejects.toBe(error);
    expect([opened(), file.failure]).toEqual([1, error]);
    await file.close();
  });

  it('is not waited for when it is closed', async () => {
    const { file } = fileOf(
      [
        () => {
          throw away();
        },
      ],
      60_000,
    );
    const read = file.read(Buffer.alloc(4), 0, 4, 0);
    await new Promise((done) => setTimeout(done, 60));
    await Promise.all([expect(read).rejects.toMatchObject({ name: 'AbortError' }), file.close()]);
  });
});
