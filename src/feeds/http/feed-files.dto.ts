import { IsIn, IsOptional } from 'class-validator';
import { PageQueryDto } from '../../api/index.js';
import { FILE_STATES, type FileState } from '../domain/feed-file.js';

/** GET /feeds/{id}/files. */
export class FeedFilesDto extends PageQueryDto {
  @IsOptional()
  @IsIn(FILE_STATES, { message: `state must be one of ${FILE_STATES.join(', ')}` })
  state?: FileState;
}
