import { Duplex } from "node:stream";
import { inspect } from "node:util";
import { Batch } from "./batch";
import type { CloudTrailError } from "./errors";
import { wrongOption } from "./errors";
import { type Event, eventOf } from "./event";
import native, { type Native } from "./native";
import { bucketsOf, type Checked, check, type ParseOptions, type ReadOptions } from "./options";
import {
  bytesOf,
  type Chunks,
  chunkOf,
  type Data,
  listen,
  type Opened,
  open,
  type Source,
} from "./source";
import type { Reject, Stats } from "./types";

const NOTHING: Stats = Object.freeze({
  records: 0,
  events: 0,
  rejects: 0,
  duplicates: 0,
  conflicts: 0,
  filtered: 0,
  unrecognized: 0,
  nulBytes: 0,
});

/**
 * All events of text in hand, of any shape, plain or compressed: one object a line, objects one after the
 * other, an array, whole API answers; pretty-printed or not; plain, gzip or zstd.
 *
 * It works at once, in the thread that calls it: large files are for `read`.
 *
 * ```js
 * const [event] = parse('{"eventId":"event_id.iaas.instance.delete"}');
 * event.name("en"); // "Delete Instance"
 * ```
 *
 * @throws {CloudTrailError} for a record that cannot be read, or where nothing can.
 */
export function parse(data: string | Data, options?: ParseOptions): Event[] {
  const checked = check("parse", options);
  const input = copyOf(data);
  const events: Event[] = [];
  for (const records of native.parse(input, checked.native)) {
    const batch = new Batch(records, input, checked.catalog, checked.lang);
    for (let index = 0; index < batch.length; index += 1) {
      events.push(eventOf(batch, index));
    }
  }
  return events;
}

/** Bytes that nobody else writes into, since events are views of them. */
function copyOf(data: string | Data): Buffer {
  if (typeof data === "string") {
    return Buffer.from(data);
  }
  const bytes = bytesOf(data);
  if (!bytes) {
    const what = inspect(data, { depth: 0 }).slice(0, 100);
    throw wrongOption(`parse takes text or bytes in hand, not ${what}: use read`);
  }
  if (bytes.length > LARGEST) {
    throw wrongOption(`parse takes ${LARGEST} bytes at the most, not ${bytes.length}: use read`);
  }
  return Buffer.from(bytes);
}

/** How many bytes places in 32 bits can tell. */
const LARGEST = 2 ** 32 - 1;

/**
 * All events of an input, one by one, in memory that does not grow with it. Reading and parsing happen
 * outside of the event loop, a megabyte ahead of who consumes them.
 *
 * A source is a path, folder or glob, or a list of them; bytes; a Node or web stream, or an iterable of
 * bytes; `-` is standard input. A folder is read recursively in the order of its paths, without names that
 * begin with `.` or `_`. Shape and compression are found. A Parquet file of nhn-cloudtrail is a source too,
 * by its path. `s3://bucket/prefix` stands for all objects of a bucket of Object Storage whose names begin so.
 *
 * Whoever leaves early, or is told of an error, has closed the source: of an HTTP request, give
 * `request.iterator({ destroyOnReturn: false })`, so that it can still be answered.
 *
 * ```js
 * for await (const event of read("logs/", { kind: "delete", since: "7d" })) {
 *   console.log(event.eventTime, event.name(), event.userId);
 * }
 * ```
 *
 * @throws {CloudTrailError} at once for options that make no sense; the rest while reading.
 */
export function read(source: Source, options?: ReadOptions): Reader {
  const checked = check("read", options);
  return new Reader(open(source), checked);
}

/**
 * Reads events one by one; what `read` and `client.search` return. Leaving a `for await` loop closes the source, as `return`
 * does. A reader is read once.
 */
export class Reader implements AsyncIterableIterator<Event, undefined, undefined> {
  /** The counts of what was read so far, up to a batch of some megabyte ahead of the last event. */
  stats: Stats = NOTHING;
  /** What could not become an event, with `onError: "collect"`. */
  readonly rejects: Reject[] = [];
  /** What is wrong with whole sources, where that does not throw. */
  readonly errors: CloudTrailError[] = [];

  readonly #native: Native.Reader;
  readonly #checked: Checked;
  /** The pieces of a stream, where it is one, and has not ended. */
  #chunks: Chunks | undefined;
  #batch: Batch | undefined;
  #next = 0;
  /** What is to be thrown after the batch. */
  #failure: { error: unknown } | undefined;
  #state: "open" | "over" | "closed" = "open";
  /** The step that is under way ahead of time. */
  #ahead: Promise<Native.Given> | undefined;
  /** The step before which nothing else may begin. */
  #turn: Promise<unknown> | undefined;
  /** Ends the waiting of whoever waits. */
  #interrupt: ((stop: Stop) => void) | undefined;
  readonly #onAbort: () => void;
  /** Whether it waits for a network, which libuv's threads must not. */
  readonly #isApart: boolean;

  /** @internal */
  constructor(opened: Opened, checked: Checked) {
    this.#checked = checked;
    this.#chunks = "chunks" in opened ? opened.chunks : undefined;
    if ("search" in opened) {
      this.#native = opened.search(checked.native);
      this.#isApart = true;
    } else {
      const paths = "paths" in opened ? opened.paths : null;
      const buckets = bucketsOf(paths, checked.storage);
      const bytes = "bytes" in opened ? opened.bytes : null;
      this.#native = native.Reader.open(paths, bytes, checked.native, buckets);
      this.#isApart = buckets !== undefined;
    }
    const { signal } = checked;
    // The signal of a whole service must not keep readers that nobody has any more.
    const weak = new WeakRef(this);
    this.#onAbort = () => {
      const reader = weak.deref();
      if (reader) {
        reader.#stop({ error: signal?.reason });
      }
    };
    if (signal?.aborted) {
      this.#onAbort();
    } else if (signal) {
      listen(signal, this.#onAbort);
    }
  }

  /** How many bytes have been taken from the source, before decompression. */
  get bytesRead(): number {
    return this.#native.bytesRead;
  }

  /** How many bytes the source has; null while or where that is not known. */
  get bytesTotal(): number | null {
    return this.#native.bytesTotal ?? null;
  }

  /** The next event. */
  next(): Promise<IteratorResult<Event, undefined>> {
    const batch = this.#batch;
    if (batch && this.#next < batch.length && !this.#turn) {
      return Promise.resolve({ done: false, value: eventOf(batch, this.#next++) });
    }
    const turn = (this.#turn ?? Promise.resolve()).then(() => this.#nextOf());
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#turn = settled;
    settled.then(() => {
      if (this.#turn === settled) {
        this.#turn = undefined;
      }
    });
    return turn;
  }

  async #nextOf(): Promise<IteratorResult<Event, undefined>> {
    for (;;) {
      const batch = this.#batch;
      if (batch && this.#next < batch.length) {
        return { done: false, value: eventOf(batch, this.#next++) };
      }
      this.#batch = undefined;
      if (this.#failure) {
        const { error } = this.#failure;
        this.#failure = undefined;
        await this.#close();
        throw error;
      }
      if (this.#state !== "open") {
        await this.#close();
        return { done: true, value: undefined };
      }
      await this.#step();
    }
  }

  /** Reads a batch, unless it is stopped before. */
  async #step(): Promise<void> {
    const stopped = new Promise<Stop>((resolve) => {
      this.#interrupt = resolve;
    });
    const step = this.#given().catch((error: unknown) => {
      this.#failure ??= { error };
      this.#state = "over";
    });
    const stop = await Promise.race([step, stopped]);
    this.#interrupt = undefined;
    if (stop) {
      this.#state = "over";
      this.#failure = stop === CLOSED ? undefined : stop;
    }
  }

  async #given(): Promise<void> {
    for (;;) {
      const given = await (this.#ahead ?? this.#read());
      this.#ahead = undefined;
      if (this.#state !== "open") {
        return;
      }
      this.stats = given.stats;
      for (const reject of given.rejects) {
        this.rejects.push(rejectOf(reject));
      }
      // That of a stream is thrown as it was.
      for (const error of this.#failure ? [] : given.errors) {
        this.errors.push(error as CloudTrailError);
      }
      if (given.failure !== undefined && given.failure !== null) {
        this.#failure ??= { error: given.failure };
      }
      if (given.state === "over") {
        this.#state = "over";
      } else if (given.state === "more") {
        this.#ahead = this.#read();
        // Whoever asks for it will hear of it.
        this.#ahead.catch(() => undefined);
      }
      if (given.records) {
        const { catalog, lang } = this.#checked;
        this.#batch = new Batch(given.records, null, catalog, lang);
        this.#next = 0;
        return;
      }
      if (this.#state === "over") {
        return;
      }
      if (given.state === "waiting") {
        await this.#feed();
      }
    }
  }

  #read(): Promise<Native.Given> {
    const reader = this.#native;
    return this.#isApart ? reader.wait().then(() => reader.take()) : reader.next();
  }

  /** Hands the next piece of a stream over. */
  async #feed(): Promise<void> {
    try {
      const next = await this.#chunks?.next();
      if (!next || next.done) {
        this.#chunks = undefined;
        this.#native.end(false);
      } else {
        this.#native.push(chunkOf(next.value));
      }
    } catch (error) {
      if (this.#state === "open") {
        // What stands before it is given first. Of both failures this is the one that says why.
        this.#failure ??= { error };
        this.#native.end(true);
      }
    }
  }

  /** Reads no more, and closes the source. */
  async return(): Promise<IteratorResult<Event, undefined>> {
    this.#stop(CLOSED);
    await this.#turn;
    await this.#close();
    return { done: true, value: undefined };
  }

  /** Reads no more, closes the source, and fails with the error: what a generator over it does. */
  async throw(error?: unknown): Promise<IteratorResult<Event, undefined>> {
    await this.return();
    throw error;
  }

  #stop(stop: Stop): void {
    this.#native.stop();
    if (this.#state === "closed") {
      return;
    }
    this.#batch = undefined;
    this.#failure = stop === CLOSED ? undefined : stop;
    this.#state = "over";
    this.#interrupt?.(stop);
  }

  async #close(): Promise<void> {
    if (this.#state === "closed") {
      return;
    }
    this.#state = "closed";
    this.#checked.signal?.removeEventListener("abort", this.#onAbort);
    this.#native.stop();
    await this.#ahead?.catch(() => undefined);
    this.#ahead = undefined;
    this.#native.close();
    // A stream may take its time, or never answer: it is told, and that is all.
    Promise.resolve(this.#chunks?.leave()).catch(() => undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** For `await using`, where there is that. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** @internal */
  [inspect.custom](_depth: number, options: object, show: typeof inspect): string {
    return `Reader ${show(this.stats, options)}`;
  }
}

/**
 * A reject with null for what is absent.
 *
 * @internal
 */
export function rejectOf({ position, ...reject }: Native.Reject): Reject {
  return { position: { ...position, source: position.source ?? null }, ...reject };
}

/** What ends a reading before its end: an error to be thrown, or that nobody wants more. */
type Stop = { readonly error: unknown } | typeof CLOSED;
const CLOSED = Symbol("closed");

/** A stream that takes the bytes of a log, and gives its events. */
export interface EventStream extends Duplex {
  /** The counts of what was read so far. */
  readonly stats: Stats;
  /** What could not become an event, with `onError: "collect"`. */
  readonly rejects: readonly Reject[];
  /** What is wrong with the whole log, where that does not end the stream. */
  readonly errors: readonly CloudTrailError[];
}

/**
 * A transform stream for pipelines: bytes go in, events come out.
 *
 * ```js
 * await pipeline(createReadStream("log.jsonl.gz"), eventStream({ kind: "delete" }), async (events) => {
 *   for await (const event of events) console.log(event);
 * });
 * ```
 *
 * @throws {CloudTrailError} at once for options that make no sense; the rest is emitted.
 */
export function eventStream(options?: ReadOptions): EventStream {
  const checked = check("read", options);
  let reader: Reader | undefined;
  const stream = Duplex.from(async function* (chunks: AsyncIterable<Uint8Array | string>) {
    reader = new Reader(open(encoded(chunks)), checked);
    yield* reader;
  });
  return Object.defineProperties(stream, {
    stats: { get: () => reader?.stats ?? NOTHING },
    rejects: { get: () => reader?.rejects ?? [] },
    errors: { get: () => reader?.errors ?? [] },
  }) as EventStream;
}

/** What is written to a stream may be text, as with any other. */
async function* encoded(chunks: AsyncIterable<Uint8Array | string>): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  }
}
