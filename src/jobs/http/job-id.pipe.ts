import { Injectable, type PipeTransform } from '@nestjs/common';
import { ServiceError } from '../../errors/index.js';
import { isJobId } from '../domain/job-id.js';

const SHOWN_LENGTH = 32;

/** Throws JOB_NOT_FOUND for a text that cannot be a job's id. */
@Injectable()
export class JobIdPipe implements PipeTransform<string, string> {
  transform(text: string): string {
    if (isJobId(text)) return text;
    const shown = text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
    throw new ServiceError('JOB_NOT_FOUND', `There is no job '${shown}'`);
  }
}
