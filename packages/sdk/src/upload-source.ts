import { chunksOf } from './chunks.js';

/**
 * A path (in Node.js only), or the content itself: a File or another Blob, a Buffer or other bytes, a web stream, a Node
 * stream, a generator.
 */
export type UploadContent =
  | string
  | Blob
  | Uint8Array
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>;

export interface UploadSource {
  filename: string;
  /** In bytes; null if unknown. */
  size: number | null;
  /** Whether `chunks` can be called again for the same bytes. */
  replayable: boolean;
  chunks(): AsyncIterable<Uint8Array>;
  /** The same bytes, read when they are needed; absent if they can be read only once. */
  blob?: () => Promise<Blob>;
}

/** Size limit of a stream that must be read whole before it is sent; services accept no more by default. */
export const MAX_STREAM_BYTES = 1024 ** 3;

export interface SourceOptions {
  filename?: string | undefined;
  /** Size of a stream in bytes. */
  size?: number | undefined;
}

/** Opens what to send without reading it. Throws what `openPath` throws. */
export async function openSource(
  content: UploadContent,
  { filename, size }: SourceOptions,
  openPath: (path: string, filename: string | undefined) => Promise<UploadSource>,
): Promise<UploadSource> {
  if (typeof content === 'string') return openPath(content, filename);
  if (isBlob(content)) {
    return {
      filename: filename ?? nameOf(content) ?? 'stream',
      size: content.size,
      replayable: true,
      chunks: () => chunksOf(content.stream()),
      blob: async () => content,
    };
  }
  if (isBytes(content)) {
    return {
      filename: filename ?? 'stream',
      size: content.byteLength,
      replayable: true,
      chunks: () => chunksOf([content]),
      blob: async () => new Blob([new Uint8Array(content)]),
    };
  }
  return {
    filename: filename ?? 'stream',
    size: size ?? null,
    replayable: false,
    chunks: () => chunksOf(content),
  };
}

/** These two by shape, not class: the content may come from another realm. */
function isBytes(content: object): content is Uint8Array {
  return ArrayBuffer.isView(content);
}

function isBlob(content: object): content is Blob {
  return 'arrayBuffer' in content && 'slice' in content && 'size' in content;
}

/** A File's own name. */
function nameOf(content: object): string | undefined {
  return 'name' in content && typeof content.name === 'string' && content.name !== '' ? content.name : undefined;
}
