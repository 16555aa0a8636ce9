import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { wrongOption } from "./errors";

/** Bytes in hand. */
export type Data = Uint8Array | ArrayBuffer | DataView;

/** A path, a folder or a glob; `-` is standard input. */
export type Path = string | URL;

/** What can be read. */
export type Source =
  | Path
  | readonly Path[]
  | Data
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>;

/**
 * A source that was looked at.
 *
 * @internal
 */
export type Opened =
  | { readonly paths: string[] }
  | { readonly bytes: Uint8Array }
  | { readonly chunks: AsyncIterator<unknown> | Iterator<unknown> };

/**
 * What a source is.
 *
 * @internal
 */
export function open(source: Source): Opened {
  if (source === "-") {
    return { chunks: process.stdin[Symbol.asyncIterator]() };
  }
  if (isPath(source)) {
    return { paths: [pathOf(source)] };
  }
  const bytes = bytesOf(source);
  if (bytes) {
    return { bytes };
  }
  if (Array.isArray(source)) {
    if (source.length === 0) {
      throw wrongOption("no source: the list is empty");
    }
    if (source.every(isPath)) {
      return { paths: source.map(pathOf) };
    }
    if (!source.every((item) => bytesOf(item))) {
      throw wrongOption("source: a list has either paths or bytes in it");
    }
  }
  const chunks = chunksOf(source);
  if (!chunks) {
    const what = inspect(source, { depth: 0 });
    throw wrongOption(
      `source: a path, bytes, a stream or an iterable of bytes is wanted, not ${what}`,
    );
  }
  return { chunks };
}

/**
 * All of a source in memory, where it is no path.
 *
 * @internal
 */
export async function gather(source: Source, signal?: AbortSignal): Promise<Opened> {
  const opened = open(source);
  if (!("chunks" in opened)) {
    return opened;
  }
  const all: Uint8Array[] = [];
  const { chunks } = opened;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await chunks.next();
      if (done) {
        return { bytes: Buffer.concat(all) };
      }
      all.push(chunkOf(value));
    }
  } catch (error) {
    await chunks.return?.();
    throw error;
  }
}

/**
 * A piece of a stream.
 *
 * @internal
 */
export function chunkOf(value: unknown): Uint8Array {
  const bytes = bytesOf(value);
  if (!bytes) {
    const what = inspect(value, { depth: 0 }).slice(0, 100);
    throw wrongOption(`source: pieces are bytes, not ${what}; set no encoding on a stream`);
  }
  return bytes;
}

/**
 * Bytes without copying them.
 *
 * @internal
 */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) {
    return value;
  }
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return new Uint8Array(value);
  }
  return undefined;
}

function chunksOf(source: unknown): AsyncIterator<unknown> | Iterator<unknown> | undefined {
  if (source instanceof Blob) {
    return source.stream()[Symbol.asyncIterator]();
  }
  if (typeof source !== "object" || source === null) {
    return undefined;
  }
  if (Symbol.asyncIterator in source) {
    return (source as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  }
  return Symbol.iterator in source ? (source as Iterable<unknown>)[Symbol.iterator]() : undefined;
}

function isPath(source: unknown): source is Path {
  return typeof source === "string" || source instanceof URL;
}

function pathOf(path: Path): string {
  if (typeof path === "string") {
    return path;
  }
  if (path.protocol !== "file:") {
    throw wrongOption(`source: ${path} is no file: fetch it, and give its body`);
  }
  return fileURLToPath(path);
}
