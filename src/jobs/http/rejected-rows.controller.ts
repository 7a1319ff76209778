import { Readable } from 'node:stream';
import { Controller, Get, Headers, Param, Query, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Downloads, nextPageLink, PageQueryDto } from '../../api/index.js';
import { JobAccessGuard } from './job-access.guard.js';
import { JobIdPipe } from './job-id.pipe.js';
import { JobQueries } from './job-queries.js';
import { jsonArray, jsonArrayBytes, ndjson } from './rejected-body.js';
import { RejectedRows } from './rejected-rows.js';

const NDJSON = 'application/x-ndjson';

@Controller('jobs/:id/rejected')
@UseGuards(JobAccessGuard)
export class RejectedRowsController {
  constructor(
    private readonly jobs: JobQueries,
    private readonly rejected: RejectedRows,
    private readonly downloads: Downloads,
  ) {}

  @Get()
  async list(
    @Param('id', JobIdPipe) id: string,
    @Query() { limit, cursor }: PageQueryDto,
    @Headers('accept') accept: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Readable> {
    const job = await this.jobs.record(id);
    const isStream = accept?.includes(NDJSON) ?? false;
    reply.type(isStream ? NDJSON : 'application/json; charset=utf-8');
    // Its body would be counted and dropped: the topic is not read for that.
    if (request.method === 'HEAD') return Readable.from([]);

    const over = this.downloads.open(reply.raw);
    if (isStream) {
      const rows = this.rejected.all(job, over);
      const first = await rows.next(); // what goes wrong at once is still answered as a problem
      return bodyOf(ndjson(withFirst(first, rows)));
    }
    const { rows, nextCursor } = await this.rejected.page(job, limit, cursor, over);
    if (nextCursor !== null) reply.header('link', nextPageLink(request.url, nextCursor));
    reply.header('content-length', jsonArrayBytes(rows));
    return bodyOf(jsonArray(rows));
  }
}

function bodyOf(pieces: AsyncGenerator<Buffer>): Readable {
  return Readable.from(pieces, { objectMode: false });
}

async function* withFirst(first: IteratorResult<Buffer>, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}
