import { IsIn, IsOptional } from 'class-validator';

const TRUTH = ['true', 'false'];

/** The query of DELETE /jobs/{id}. */
export class JobDeleteDto {
  @IsOptional()
  @IsIn(TRUTH, { message: 'purge must be true or false' })
  purge?: 'true' | 'false';

  @IsOptional()
  @IsIn(TRUTH, { message: 'force must be true or false' })
  force?: 'true' | 'false';
}
