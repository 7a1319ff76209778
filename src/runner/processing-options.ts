import type { NormalizeOperation } from '../formats/normalize-operations.js';

/** Spellings of null that a job may name, and the code points of each: they fit the kernel's table and a form field. */
export const MAX_NULL_VALUES = 30;
export const MAX_NULL_VALUE_LENGTH = 64;

/**
 * What a request may say about the processing of its file, beside the dialect. Stored with the job as JSON, told to its
 * runner, and shown to its users (openapi: JobOptions).
 */
export interface ProcessingOptions {
  /** Which reader takes a CSV file: the fastest that can, or the slow one that all are checked against. */
  csvReader: 'auto' | 'reference';
  /** What an accepted row becomes in its topic: its own bytes, or a JSON object. */
  valueFormat: 'raw' | 'json';
  /** Of the record batches in the job's topics. */
  compression: 'none' | 'gzip' | 'zstd';
  /** Spellings of null beside the empty field. */
  nullValues: string[];
  /** What the model calls a column of the file, by the file's name for it; the others keep their names. */
  rename: Record<string, string>;
  /** By the model's names of columns: what is done to their texts before they are checked, in this order. */
  normalize: Record<string, NormalizeOperation[]>;
}

export const DEFAULT_OPTIONS: Readonly<ProcessingOptions> = {
  csvReader: 'auto',
  valueFormat: 'raw',
  compression: 'none',
  nullValues: [],
  rename: {},
  normalize: {},
};

/** Reads stored options; what a job did not store because it is older than the option has its default. */
export function readOptions(json: string): ProcessingOptions {
  return { ...DEFAULT_OPTIONS, ...(JSON.parse(json) as Partial<ProcessingOptions>) };
}
