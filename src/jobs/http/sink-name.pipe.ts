import { Injectable, type PipeTransform } from '@nestjs/common';
import { ServiceError } from '../../errors/index.js';
import { SINK_NAMES, type SinkName } from '../../ingest/index.js';

/** Throws INVALID_REQUEST for a name that no sink has. */
@Injectable()
export class SinkNamePipe implements PipeTransform<string, SinkName> {
  transform(text: string): SinkName {
    const name = SINK_NAMES.find((each) => each === text);
    if (name !== undefined) return name;
    throw new ServiceError('INVALID_REQUEST', `the sink must be one of ${SINK_NAMES.join(', ')}`);
  }
}
