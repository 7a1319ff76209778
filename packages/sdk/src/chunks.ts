type Chunks = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array>;

/** The bytes of a stream, piece by piece; ends the stream when the reader stops early. */
export async function* chunksOf(
  content: ReadableStream<Uint8Array> | Chunks,
): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  for await (const chunk of isIterable(content) ? content : readAll(content)) {
    yield typeof chunk === 'string' ? encoder.encode(chunk) : chunk;
  }
}

function isIterable(content: object): content is Chunks {
  return Symbol.asyncIterator in content || Symbol.iterator in content;
}

/** Not every browser iterates its own streams. */
async function* readAll(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}
