import { ArrayMinSize, ArrayUnique, IsArray, IsIn } from 'class-validator';
import { SINK_NAMES, type SinkName } from '../../ingest/index.js';

const MESSAGE = `sinks must be a list of one or more of ${SINK_NAMES.join(', ')}, each once`;

/** POST /jobs/{id}/sinks (openapi: SinksToAdd). */
export class SinksToAddDto {
  @IsArray({ message: MESSAGE })
  @ArrayMinSize(1, { message: MESSAGE })
  @ArrayUnique({ message: MESSAGE })
  @IsIn(SINK_NAMES, { each: true, message: MESSAGE })
  sinks: SinkName[];
}
