import { setMaxListeners } from "node:events";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { wrongOption } from "./errors";
import type { Native } from "./native";

/** Bytes in hand. */
export type Data = Uint8Array | ArrayBuffer | DataView;

/** A path, a folder or a glob; `s3://bucket/prefix`; `-` is standard input. */
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
  | { readonly chunks: Chunks }
  | { readonly search: (options: Native.Options) => Native.Reader };

interface Piece {
  readonly done?: boolean | undefined;
  readonly value?: unknown;
}

/**
 * The pieces of a stream.
 *
 * @internal
 */
export interface Chunks {
  next(): PromiseLike<Piece> | Piece;
  /** Closes the stream, also while a piece is awaited. */
  leave(): unknown;
}

/**
 * What a source is.
 *
 * @internal
 */
export function open(source: Source): Exclude<Opened, { search: unknown }> {
  if (source === "-") {
    return { chunks: chunksOf(process.stdin) as Chunks };
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
 * All of a stream in memory.
 *
 * @internal
 */
export async function gather(chunks: Chunks, signal?: AbortSignal): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let stop = (): void => undefined;
  const stopped = new Promise<"stopped">((resolve) => {
    stop = () => resolve("stopped");
  });
  if (signal) {
    listen(signal, stop);
  }
  try {
    for (;;) {
      signal?.throwIfAborted();
      const next = await Promise.race([chunks.next(), stopped]);
      if (next !== "stopped") {
        if (next.done) {
          return Buffer.concat(all);
        }
        all.push(Buffer.from(chunkOf(next.value)));
      }
    }
  } catch (error) {
    Promise.resolve(chunks.leave()).catch(() => undefined);
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/**
 * Hears of an abort. Any number may hear of the same one.
 *
 * @internal
 */
export function listen(signal: AbortSignal, hear: () => void): void {
  setMaxListeners(0, signal);
  signal.addEventListener("abort", hear, { once: true });
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

function chunksOf(source: unknown): Chunks | undefined {
  if (source instanceof Blob) {
    return chunksOf(source.stream());
  }
  if (source instanceof ReadableStream) {
    const reader = source.getReader();
    const leave = () => reader.cancel().finally(() => reader.releaseLock());
    return { next: () => reader.read(), leave };
  }
  if (typeof source !== "object" || source === null) {
    return undefined;
  }
  let iterator: AsyncIterator<unknown> | Iterator<unknown>;
  if (Symbol.asyncIterator in source) {
    iterator = (source as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  } else if (Symbol.iterator in source) {
    iterator = (source as Iterable<unknown>)[Symbol.iterator]();
  } else {
    return undefined;
  }
  if (typeof iterator?.next !== "function") {
    return undefined;
  }
  const next = () => iterator.next();
  // Its iterator would wait for the piece that is on its way.
  const leave = source instanceof Readable ? () => source.destroy() : () => iterator.return?.();
  return { next, leave };
}

function isPath(source: unknown): source is Path {
  return typeof source === "string" || source instanceof URL;
}

function pathOf(path: Path): string {
  if (typeof path === "string") {
    if (/^\s*(\{|\[\s*\{)/.test(path)) {
      throw wrongOption("source: this is the text of a log, not a path: use parse");
    }
    return path;
  }
  if (path.protocol === "s3:") {
    throw wrongOption(`source: give ${path} as text: a URL may spell an object's name otherwise`);
  }
  if (path.protocol !== "file:") {
    throw wrongOption(`source: ${path} is no file: fetch it, and give its body`);
  }
  return fileURLToPath(path);
}
