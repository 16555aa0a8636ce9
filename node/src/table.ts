import type { CloudTrailError } from "./errors";
import native from "./native";
import { bucketsOf, check, type TableOptions } from "./options";
import { rejectOf } from "./reader";
import { gather, listen, open, type Source } from "./source";
import type { Reject, Stats } from "./types";

/** A table of events, a row an event: the bytes of an Arrow IPC stream, and what was read for it. */
export class Table extends Uint8Array {
  /** How many rows there are. */
  readonly rows: number = 0;
  /** The counts of what was read. */
  readonly stats!: Stats;
  /** What could not become a row, with `onError: "collect"`. */
  readonly rejects!: readonly Reject[];
  /** What is wrong with whole sources, where that does not throw. */
  readonly errors!: readonly CloudTrailError[];

  /** A part of the bytes is no table. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }
}

/**
 * All of an input as a table, outside of the event loop. Sources and options are those of `read`; a stream
 * is gathered in memory first.
 *
 * ```js
 * import { tableFromIPC } from "apache-arrow";
 * const table = tableFromIPC(await readTable("logs/", { columns: ["event_time", "service"] }));
 * ```
 *
 * @throws {CloudTrailError} for options that make no sense, and what cannot be read.
 */
export async function readTable(source: Source, options?: TableOptions): Promise<Table> {
  const checked = check("readTable", options);
  const { signal } = checked;
  const opened = open(source);
  // Without waiting where there is nothing to wait for: nobody is to change the bytes before.
  const bytes = "bytes" in opened ? opened.bytes : null;
  const gathered = "chunks" in opened ? await gather(opened.chunks, signal) : bytes;
  signal?.throwIfAborted();
  const stopper = new native.Stopper();
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      stopper.stop();
      reject(signal?.reason);
    };
  });
  if (signal) {
    listen(signal, stop);
  }
  try {
    const paths = "paths" in opened ? opened.paths : null;
    const buckets = bucketsOf(paths, checked.storage);
    const making = native.readTable(paths, gathered, checked.native, stopper, buckets);
    const made = await Promise.race([making, stopped]);
    const { ipc, rows, stats, rejects, errors } = made;
    const table = new Table(ipc.buffer as ArrayBuffer, ipc.byteOffset, ipc.byteLength);
    const properties = { rows, stats, rejects: rejects.map(rejectOf), errors };
    for (const [name, value] of Object.entries(properties)) {
      Object.defineProperty(table, name, { value, enumerable: false });
    }
    return table;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
