import { Controller, HttpCode, Post, Query, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ServiceError } from '../errors/index.js';
import { FORMATS, type ShownDialect, shownDialect } from '../ingest/index.js';
import { type ReceivedUpload, Upload, UploadInterceptor } from '../upload/index.js';
import { parseInferOptions } from './infer-options.js';
import { InferenceLimiter } from './inference-limiter.js';
import type { InferenceResult } from './inference-result.js';
import { taskFor } from './inference-task.js';

@Controller('models/infer')
export class InferenceController {
  constructor(private readonly limiter: InferenceLimiter) {}

  @Post()
  @HttpCode(200)
  @UseInterceptors(UploadInterceptor)
  async infer(
    @Upload() upload: ReceivedUpload,
    @Query() query: Record<string, unknown>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<InferenceResult & { dialect: ShownDialect | null }> {
    const away = new AbortController();
    reply.raw.once('close', () => away.abort(new ServiceError('INVALID_REQUEST', 'The client went away')));
    const task = taskFor(upload, parseInferOptions(query, upload.fields));
    const dialect = FORMATS[task.format].hasDialect ? shownDialect(task.dialect) : null;
    return { ...(await this.limiter.infer(task, away.signal)), dialect };
  }
}
