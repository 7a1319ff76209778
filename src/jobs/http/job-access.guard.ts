import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { accessOf } from '../../auth/index.js';
import { isJobId } from '../domain/job-id.js';
import { JobStore } from '../store/job-store.js';
import { jobNotFound } from './job-queries.js';

/** Hides the jobs of models that the request's key is not for, on each route below a job's id. */
@Injectable()
export class JobAccessGuard implements CanActivate {
  constructor(private readonly jobs: JobStore) {}

  /** Throws JOB_NOT_FOUND. */
  async canActivate(context: ExecutionContext): Promise<true> {
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: { id?: string } }>>();
    const access = accessOf(request);
    const { id } = request.params;
    if (id === undefined || access.models === null || !isJobId(id)) return true;
    const job = await this.jobs.get(id);
    // What is not there is refused here, too: what else is wrong with the request would tell the two apart.
    if (job === undefined || !access.mayUse(job.modelId)) throw jobNotFound(id);
    return true;
  }
}
