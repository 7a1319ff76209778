import { Controller, Get } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApiLifecycle } from '../../src/jobs/api-lifecycle.js';

/** A part of the service that does nothing, but for what is given. */
const part = (given: object = {}) =>
  new Proxy(given, { get: (object, name) => Reflect.get(object, name) ?? (async () => undefined) }) as never;

describe('an API that stops', () => {
  it('announces the jobs of requests that are under way', async () => {
    const order: string[] = [];
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    @Controller()
    class Jobs {
      @Get()
      async create(): Promise<string> {
        asked.resolve();
        await answer.promise;
        order.push('a job is announced');
        return '';
      }
    }
    const lifecycle = new ApiLifecycle(
      part(),
      part(),
      null,
      null,
      part({ database: { kind: 'postgres' } }),
      part(),
      part(),
      part(),
      part(),
      null,
      part({ close: async () => void order.push('no more is announced') }),
      part(),
      part({ claimed: Promise.resolve() }),
      part(),
      part(),
      part(),
    );
    class Service {}
    const app = await NestFactory.create<NestFastifyApplication>(
      {
        module: Service,
        controllers: [Jobs],
        providers: [{ provide: ApiLifecycle, useValue: lifecycle }],
      },
      new FastifyAdapter(),
      { logger: false },
    );
    await app.listen(0, '127.0.0.1');
    const request = fetch(await app.getUrl(), { headers: { connection: 'close' } });
    await asked.promise;
    const closed = app.close();
    await new Promise(setImmediate);
    answer.resolve();
    await Promise.all([request, closed]);
    expect(order).toEqual(['a job is announced', 'no more is announced']);
  });
});
