import { Readable } from 'node:stream';
import { Controller, Get, Headers, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { nextPageLink, PageQueryDto } from '../http/index.js';
import { JobService } from './job-service.js';
import { RejectedRows } from './rejected-rows.js';

const NDJSON = 'application/x-ndjson';

@Controller('jobs/:id/rejected')
export class RejectedRowsController {
  constructor(
    private readonly jobs: JobService,
    private readonly rejected: RejectedRows,
  ) {}

  @Get()
  async list(
    @Param('id') id: string,
    @Query() { limit, cursor }: PageQueryDto,
    @Headers('accept') accept: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | Readable> {
    const job = await this.jobs.record(id);
    if (accept?.includes(NDJSON)) {
      const rows = this.rejected.all(job);
      const first = await rows.next(); // what goes wrong at once is still answered as a problem
      reply.type(NDJSON);
      return Readable.from(lines(first, rows), { objectMode: false });
    }
    const { rows, nextCursor } = await this.rejected.page(job, limit, cursor);
    if (nextCursor !== null) reply.header('link', nextPageLink(request.url, nextCursor));
    reply.type('application/json; charset=utf-8');
    return jsonArray(rows);
  }
}

/** The rows are JSON texts already. */
function jsonArray(rows: readonly Buffer[]): Buffer {
  const parts = rows.flatMap((row, index) => (index === 0 ? [row] : [COMMA, row]));
  return Buffer.concat([OPEN, ...parts, CLOSE]);
}

async function* lines(first: IteratorResult<Buffer>, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (first.done) return;
  yield Buffer.concat([first.value, LINE_END]);
  for await (const row of rest) yield Buffer.concat([row, LINE_END]);
}

const OPEN = Buffer.from('[');
const CLOSE = Buffer.from(']');
const COMMA = Buffer.from(',');
const LINE_END = Buffer.from('\n');
