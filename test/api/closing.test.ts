import { RawClient } from './support/raw-client.js';
import { startTestApp } from './support/test-app.js';

describe('a service that is shutting down', () => {
  it('answers a request that comes too late as one to send again', async () => {
    const server = await startTestApp({});
    const client = await RawClient.connect(server.port);
    // A request under way keeps its connection.
    await client.send('GET /healthz HTTP/1.1\r\nhost: localhost\r\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = server.app.close();
    await client.send('\r\n');
    const { status, headers, body } = await client.response();
    expect([status, headers['content-type']]).toEqual([503, expect.stringContaining('application/problem+json')]);
    expect(JSON.parse(body)).toMatchObject({ error: 'SERVICE_BUSY', message: 'The service is shutting down' });
    expect(headers['retry-after']).toMatch(/^\d+$/);
    client.destroy();
    await closed;
    await server.close();
  });
});
