import type { Answer } from '../connection.js';
import type { FormField } from '../form-fields.js';
import type { UploadProgress } from '../job-upload.js';
import type { UploadSource } from '../upload-source.js';

/** What Node.js and browsers do differently. */
export interface Platform {
  /** A file by its path. Throws the system's error if it cannot be read, TypeError if there are no paths. */
  openPath(path: string, filename: string | undefined): Promise<UploadSource>;
  /**
   * One attempt to send a form with a file. Throws BatchConnectionError, UploadSizeError, what reading the file threw, or
   * the signal's reason.
   */
  sendForm(form: FormUpload): Promise<Answer>;
}

export interface FormUpload {
  baseUrl: string;
  /** Below it, such as `/jobs`. */
  path: string;
  headers: Readonly<Record<string, string>>;
  fields: readonly FormField[];
  source: UploadSource;
  signal: AbortSignal;
  onProgress?: ((progress: UploadProgress) => void) | undefined;
}
