import { Controller, HttpCode, Post, Query, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { BatchError } from '../errors/index.js';
import { type Dialect, shownDialect } from '../jobs/index.js';
import { type ReceivedUpload, Upload, UploadInterceptor } from '../upload/index.js';
import { parseInferOptions } from './infer-options.js';
import { InferenceDesk } from './inference-desk.js';
import { taskFor } from './inference-task.js';
import type { Findings } from './inferred-schema.js';

@Controller('models/infer')
export class InferenceController {
  constructor(private readonly desk: InferenceDesk) {}

  @Post()
  @HttpCode(200)
  @UseInterceptors(UploadInterceptor)
  async infer(
    @Upload() upload: ReceivedUpload,
    @Query() query: Record<string, unknown>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Findings & { dialect: Dialect | null }> {
    const away = new AbortController();
    reply.raw.once('close', () => away.abort(new BatchError('INVALID_REQUEST', 'The client went away')));
    const task = taskFor(upload, parseInferOptions(query, upload.fields));
    const dialect = task.format === 'csv' ? shownDialect(task.dialect) : null;
    return { ...(await this.desk.infer(task, away.signal)), dialect };
  }
}
