import { IsAscii, IsIn, IsNotIn, IsOptional, IsString, Length, Matches } from 'class-validator';
import { DEFAULT_OPTIONS, type ProcessingOptions } from '../runner/index.js';
import { TEXT_ENCODINGS, type TextEncoding } from '../sources/index.js';

const NO_SEPARATOR = { message: 'must be one ASCII character, not a line end' };
// biome-ignore lint/suspicious/noControlCharactersInRegex: files with \x01 or \x1f between the fields exist
const DELIMITER = /^(?:auto|tab|\\t|[\x01-\x09\x0b\x0c\x0e-\x7f])$/;
const LINE_ENDS_AND_NUL = ['\n', '\r', '\0'];

/** The options of POST /jobs as they arrive: text (openapi: JobUpload). */
export class JobOptionsDto {
  /** Any text: one that cannot be an id is no model's. */
  @IsOptional()
  @IsString()
  model_id?: string;

  /** In place of a file: the job whose kept file is taken. */
  @IsOptional()
  @IsString()
  from_job?: string;

  @IsIn(['auto', 'csv', 'json', 'ndjson', 'parquet'], { message: 'must be auto, csv, json, ndjson or parquet' })
  format: 'auto' | 'csv' | 'json' | 'ndjson' | 'parquet' = 'auto';

  @IsIn(['auto', ...TEXT_ENCODINGS], { message: `must be auto, ${TEXT_ENCODINGS.join(', ')}` })
  encoding: 'auto' | TextEncoding = 'auto';

  @Matches(DELIMITER, { message: 'must be auto, tab or one ASCII character, not a line end' })
  delimiter = ',';

  @IsAscii(NO_SEPARATOR)
  @Length(1, 1, NO_SEPARATOR)
  @IsNotIn(LINE_ENDS_AND_NUL, NO_SEPARATOR)
  quote = '"';

  @IsOptional()
  @IsAscii(NO_SEPARATOR)
  @Length(1, 1, NO_SEPARATOR)
  @IsNotIn(LINE_ENDS_AND_NUL, NO_SEPARATOR)
  escape?: string;

  @IsOptional()
  @IsAscii(NO_SEPARATOR)
  @Length(1, 1, NO_SEPARATOR)
  @IsNotIn(LINE_ENDS_AND_NUL, NO_SEPARATOR)
  comment?: string;

  @Matches(/^(?:0|[1-9]\d{0,2}|1000)$/, { message: 'must be a whole number from 0 to 1000' })
  skip_lines = '0';

  @IsIn(['true', 'false'], { message: 'must be true or false' })
  trim: 'true' | 'false' = 'false';

  @IsIn(['true', 'false'], { message: 'must be true or false' })
  header: 'true' | 'false' = 'true';

  @IsIn(['raw', 'json'], { message: 'must be raw or json' })
  value_format: ProcessingOptions['valueFormat'] = DEFAULT_OPTIONS.valueFormat;

  @IsIn(['none', 'gzip', 'zstd'], { message: 'must be none, gzip or zstd' })
  compression: ProcessingOptions['compression'] = DEFAULT_OPTIONS.compression;

  @IsIn(['auto', 'reference'], { message: 'must be auto or reference' })
  csv_reader: ProcessingOptions['csvReader'] = DEFAULT_OPTIONS.csvReader;

  @IsOptional()
  @IsString()
  null_values?: string;

  @IsOptional()
  @IsString()
  rename?: string;

  @IsOptional()
  @IsString()
  normalize?: string;
}
