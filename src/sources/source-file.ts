import { RetriedFile, type RetriedFileOptions } from '../storage/index.js';
import type { JobSource, Sources } from './open-source.js';

export interface SourceFileOptions extends Pick<RetriedFileOptions, 'timeoutMs' | 'log'> {
  sources: Sources;
  source: JobSource;
}

/** A job's file where it lies: SOURCE_CHANGED and the like once it is another one, SOURCE_UNAVAILABLE if it does not answer. */
export class SourceFile extends RetriedFile {
  constructor({ sources, source, ...options }: SourceFileOptions) {
    const codes = { size: 'SOURCE_CHANGED', unreadable: 'SOURCE_UNAVAILABLE' } as const;
    const { sizeBytes, uri: what } = source;
    super({ ...options, sizeBytes, what, codes, open: () => sources.open(source) });
  }
}
