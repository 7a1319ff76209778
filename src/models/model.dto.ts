import { ArrayUnique, IsArray, IsIn, IsObject, IsString, Length, Matches, ValidateIf } from 'class-validator';
import { SINK_NAMES, type SinkName } from '../ingest/index.js';

const NAME_MESSAGE = 'name must be text of 1 to 128 characters';
const SINKS_MESSAGE = `sinks must be null, or a list of ${SINK_NAMES.join(', ')}, each at most once`;

class WithSchemaAndSinks {
  @IsObject({ message: 'schema must be a JSON object' })
  schema: Record<string, unknown>;

  /** null: those of the service. */
  @ValidateIf(({ sinks }: WithSchemaAndSinks) => sinks !== undefined && sinks !== null)
  @IsArray({ message: SINKS_MESSAGE })
  @ArrayUnique({ message: SINKS_MESSAGE })
  @IsIn(SINK_NAMES, { each: true, message: SINKS_MESSAGE })
  sinks?: SinkName[] | null;
}

/** POST /models (openapi: ModelCreate). */
export class ModelCreateDto extends WithSchemaAndSinks {
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
export class ModelUpdateDto extends WithSchemaAndSinks {
  @ValidateIf((dto: ModelUpdateDto) => dto.name !== undefined)
  @IsString({ message: NAME_MESSAGE })
  @Length(1, 128, { message: NAME_MESSAGE })
  name?: string;
}
