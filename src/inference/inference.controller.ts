import { Controller, HttpCode, Post, Query, Res, UseInterceptors } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ServiceError } from '../errors/index.js';
import { type ShownDialect, shownDialect } from '../ingest/index.js';
import { type ReceivedUpload, Upload, UploadInterceptor } from '../upload/index.js';
import { parseInferOptions } from './infer-options.js';
import { InferenceLimiter } from './inference-limiter.js';
import type { DialectDetection, InferenceResult } from './inference-result.js';
import { taskFor } from './inference-task.js';

/** As the API shows it (openapi: InferredSchema). */
type ShownInference = Omit<InferenceResult, 'dialect' | 'detection'> & {
  dialect: ShownDialect | null;
  detection: (Omit<DialectDetection, 'runner_up'> & { runner_up: ShownDialect | null }) | null;
};

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
  ): Promise<ShownInference> {
    const away = new AbortController();
    reply.raw.once('close', () => away.abort(new ServiceError('INVALID_REQUEST', 'The client went away')));
    const task = taskFor(upload, parseInferOptions(query, upload.fields));
    return shown(await this.limiter.infer(task, away.signal));
  }
}

function shown({ dialect, detection, ...others }: InferenceResult): ShownInference {
  return {
    ...others,
    dialect: dialect && shownDialect(dialect),
    detection: detection && { ...detection, runner_up: detection.runner_up && shownDialect(detection.runner_up) },
  };
}
