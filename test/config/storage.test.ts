import { resolve } from 'node:path';
import { type Config, loadConfig } from '../../src/config/index.js';

function storageOf(env: Record<string, string>): Config['storage'] {
  return loadConfig({ DATA_DIR: '/data', ...env }).storage;
}

const AMAZON = { kind: 's3', bucket: 'my-bucket', endpoint: null, region: null, isPathStyle: false };

describe('STORAGE_URL', () => {
  it('is a folder in DATA_DIR unless it is given', () => {
    expect(storageOf({})).toEqual({ kind: 'local', folder: '/data/spool' });
    expect(storageOf({ STORAGE_URL: ' ' })).toEqual({ kind: 'local', folder: '/data/spool' });
  });

  it.each([
    ['file:/mnt/files', '/mnt/files'],
    ['file:///mnt/my%20files', '/mnt/my files'],
    ['file:files', resolve('files')],
  ])('may be a folder: %s', (url, folder) => {
    expect(storageOf({ STORAGE_URL: url })).toEqual({ kind: 'local', folder });
  });

  it.each([
    ['s3://my-bucket', ''],
    ['s3://my-bucket/', ''],
    ['s3://my-bucket/a', 'a/'],
    ['s3://my-bucket/a/b.c_d/', 'a/b.c_d/'],
  ])('may be a bucket: %s', (url, prefix) => {
    expect(storageOf({ STORAGE_URL: url })).toEqual({ ...AMAZON, prefix });
  });

  it('has a region, and a bucket in the path, if its server is another one', () => {
    const env = { STORAGE_URL: 's3://my-bucket', S3_ENDPOINT: 'http://127.0.0.1:9000/' };
    const own = { ...AMAZON, prefix: '', endpoint: 'http://127.0.0.1:9000', isPathStyle: true };
    expect(storageOf(env)).toEqual({ ...own, region: 'us-east-1' });
    expect(storageOf({ ...env, AWS_REGION: 'eu-west-1', S3_PATH_STYLE: 'false' })).toEqual({
      ...own,
      region: 'eu-west-1',
      isPathStyle: false,
    });
    expect(storageOf({ STORAGE_URL: 's3://my-bucket', AWS_REGION: 'eu-west-1' })).toMatchObject({
      region: 'eu-west-1',
    });
  });

  it.each([
    '/mnt/files',
    'file:',
    'file://host/files',
    's3://',
    's3://My_Bucket/a',
    's3://key:secret@my-bucket/a',
    's3://my-bucket//a',
    's3://my-bucket/a?b',
    'gs://my-bucket',
  ])('may not be %s', (url) => {
    expect(() => storageOf({ STORAGE_URL: url })).toThrow(/STORAGE_URL must be file:<path> or s3:/);
  });

  it.each(['127.0.0.1:9000', 'ftp://host', 'http://key:secret@host'])('has no endpoint %s', (endpoint) => {
    const env = { STORAGE_URL: 's3://my-bucket', S3_ENDPOINT: endpoint };
    expect(() => storageOf(env)).toThrow('S3_ENDPOINT must be an http or https URL without credentials');
    expect(() => storageOf(env)).not.toThrow('secret');
  });

  it('needs memory for each upload', () => {
    const env = { STORAGE_URL: 's3://my-bucket', MAX_UPLOADS: '300' };
    expect(() => storageOf(env)).toThrow('UPLOAD_BUFFER_BYTES must be at least 314572800');
    expect(storageOf({ ...env, UPLOAD_BUFFER_BYTES: '314572800' })).toMatchObject({ kind: 's3' });
    expect(storageOf({ MAX_UPLOADS: '300' })).toMatchObject({ kind: 'local' });
  });
});
