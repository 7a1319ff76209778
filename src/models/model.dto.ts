import { IsObject, IsString, Length, Matches, ValidateIf } from 'class-validator';

const NAME_MESSAGE = 'name must be text of 1 to 128 characters';

class WithSchema {
  @IsObject({ message: 'schema must be a JSON object' })
  schema: Record<string, unknown>;
}

/** POST /models (openapi: ModelCreate). */
export class ModelCreateDto extends WithSchema {
  @ValidateIf((dto: ModelCreateDto) => dto.id !== undefined)
  @IsString({ message: 'id must be a string' })
  @Matches(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, {
    message: 'id must be 1 to 63 letters, digits, - or _, beginning with a letter or digit',
  })
  id?: string;

  @IsString({ message: NAME_MESSAGE })
  @Length(1, 128, { message: NAME_MESSAGE })
  name: string;
}

/** PUT /models/{id} (openapi: ModelUpdate). */
export class ModelUpdateDto extends WithSchema {
  @ValidateIf((dto: ModelUpdateDto) => dto.name !== undefined)
  @IsString({ message: NAME_MESSAGE })
  @Length(1, 128, { message: NAME_MESSAGE })
  name?: string;
}
