import { type OpenFile, RetriedFile, type RetriedFileOptions } from '../storage/index.js';
import type { JobSource } from './open-source.js';

export interface SourceFileOptions extends Pick<RetriedFileOptions, 'timeoutMs' | 'log'> {
  source: JobSource;
  /** As `Sources.open`. */
  open(source: JobSource): Promise<OpenFile>;
}

/** A job's file where it lies: SOURCE_CHANGED and the like once it is another one, SOURCE_UNAVAILABLE if it does not answer. */
export class SourceFile extends RetriedFile {
  constructor({ source, open, ...options }: SourceFileOptions) {
    const codes = { size: 'SOURCE_CHANGED', unreadable: 'SOURCE_UNAVAILABLE' } as const;
    const { sizeBytes, uri: what } = source;
    super({ ...options, sizeBytes, what, codes, open: () => open(source) });
  }
}
