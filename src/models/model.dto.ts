import { Transform } from 'class-transformer';
import { IsObject, IsString, Length, Matches, ValidateIf } from 'class-validator';

/** The schema as it was given: not copied, so that its members keep their order and values. */
const AsGiven = () => Transform(({ obj }: { obj: { schema?: unknown } }) => obj.schema);

/** POST /models (openapi: ModelCreate). */
export class ModelCreateDto {
  @ValidateIf((dto: ModelCreateDto) => dto.id !== undefined)
  @IsString({ message: 'id must be a string' })
  @Matches(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, {
    message: 'id must be 1 to 63 letters, digits, - or _, beginning with a letter or digit',
  })
  id?: string;

  @IsString({ message: 'name must be a string' })
  @Length(1, 128, { message: 'name must have 1 to 128 characters' })
  name: string;

  @AsGiven()
  @IsObject({ message: 'schema must be a JSON object' })
  schema: Record<string, unknown>;
}
