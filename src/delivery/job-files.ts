import { type SourceSettings, Sources } from '../sources/index.js';
import type { OpenFile } from '../storage/index.js';
import { FileThread } from './file-thread.js';
import { type JobFile, openJobFile } from './open-job-file.js';

/** Opens the files of jobs: those of this machine here, others on a separate thread. */
export class JobFiles {
  readonly #sources: Sources;
  readonly #thread: FileThread;

  constructor(settings: SourceSettings) {
    this.#sources = new Sources(settings);
    this.#thread = FileThread.of(settings);
  }

  /** Throws as `openJobFile`, or an error with the code `ThreadEnded`. */
  open(file: JobFile): Promise<OpenFile> {
    return isLocal(file) ? openJobFile(this.#sources, file) : this.#thread.open(file);
  }
}

function isLocal(file: JobFile): boolean {
  return 'uri' in file ? /^file:/i.test(file.uri) : file.kind === 'local';
}
