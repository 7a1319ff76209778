import {
  type CallHandler,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { defer, lastValueFrom, type Observable } from 'rxjs';
import { accessOf } from '../auth/index.js';
import type { ReceivedUpload } from './received-upload.js';
import { UploadReceiver } from './upload-receiver.js';

const uploads = new WeakMap<FastifyRequest, ReceivedUpload>();

/** The upload that the interceptor received: `handler(@Upload() upload: ReceivedUpload)`. undefined: the body was JSON. */
export const Upload = createParamDecorator((_data: unknown, context: ExecutionContext): ReceivedUpload | undefined =>
  uploads.get(context.switchToHttp().getRequest<FastifyRequest>()),
);

/**
 * Receives the multipart body before the handler runs; what the handler does not hand over is removed after it. A body that
 * was read as JSON is left to the handler.
 */
@Injectable()
export class UploadInterceptor implements NestInterceptor {
  constructor(private readonly receiver: UploadReceiver) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (request.body !== undefined) return next.handle();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const query = request.query as Record<string, unknown>;
    const upload = await this.receiver.receive(request.raw, reply.raw, query, accessOf(request));
    uploads.set(request, upload);
    return defer(async () => {
      try {
        return await lastValueFrom(next.handle());
      } finally {
        await upload.discard();
      }
    });
  }
}
