import { IsIn, Matches } from 'class-validator';

/** The options of POST /models/infer that no job has, as they arrive: text (openapi: InferUpload). */
export class InferOptionsDto {
  @Matches(/^(?:[1-9]\d{0,4}|100000)$/, { message: 'must be a whole number from 1 to 100000' })
  sample_rows = '100000';

  @IsIn(['true', 'false'], { message: 'must be true or false' })
  partial: 'true' | 'false' = 'false';
}
