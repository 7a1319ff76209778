import { Transform } from 'class-transformer';
import { IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';

const LIMIT_MESSAGE = 'limit must be a whole number from 1 to 1000';

/** A number as a query spells it; what is not one stays text and fails the check. */
function wholeNumber(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
}

/** The query of every list. */
export class PageQueryDto {
  @Transform(({ value }: { value: unknown }) => wholeNumber(value))
  @IsInt({ message: LIMIT_MESSAGE })
  @Min(1, { message: LIMIT_MESSAGE })
  @Max(1000, { message: LIMIT_MESSAGE })
  limit = 100;

  @IsOptional()
  @IsString({ message: 'cursor must be given once' })
  @Matches(/^[A-Za-z0-9_-]{1,512}$/, { message: 'cursor must be a value returned by the previous page' })
  cursor?: string;
}
