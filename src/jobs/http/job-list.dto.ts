import { IsIn, IsOptional, Matches } from 'class-validator';
import { PageQueryDto } from '../../api/index.js';
import type { JobState } from '../domain/job.js';
import { JOB_STATES } from '../domain/job-state.js';

/** The query of GET /jobs. */
export class JobListDto extends PageQueryDto {
  @IsOptional()
  @IsIn(JOB_STATES, { message: `state must be one of ${JOB_STATES.join(', ')}` })
  state?: JobState;

  @IsOptional()
  @Matches(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, { message: 'model_id must be the id of a model' })
  model_id?: string;

  @IsOptional()
  @IsIn(['true', 'false'], { message: 'resumable must be true or false' })
  resumable?: 'true' | 'false';
}
