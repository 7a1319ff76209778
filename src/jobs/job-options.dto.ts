import { IsIn, IsOptional, IsString, Matches } from 'class-validator';

/** One ASCII character that is no line end and no NUL. */
const SEPARATOR = /^[\x01-\x09\x0B\x0C\x0E-\x7F]$/;

/** The options of POST /jobs as they arrive: text (openapi: JobUpload). */
export class JobOptionsDto {
  /** Any text: one that cannot be an id is no model's. */
  @IsOptional()
  @IsString()
  model_id?: string;

  @IsIn(['auto', 'csv'], { message: 'must be auto or csv' })
  format: 'auto' | 'csv' = 'auto';

  @Matches(SEPARATOR, { message: 'must be one ASCII character, not a line end' })
  delimiter = ',';

  @Matches(SEPARATOR, { message: 'must be one ASCII character, not a line end' })
  quote = '"';

  @IsIn(['true', 'false'], { message: 'must be true or false' })
  header: 'true' | 'false' = 'true';
}
