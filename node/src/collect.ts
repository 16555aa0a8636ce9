import { inspect } from "node:util";
import type { Catalog } from "./catalog";
import { Client } from "./client";
import { type CloudTrailError, wrongOption } from "./errors";
import native, { errorOf, type Native } from "./native";
import {
  bucketsOf,
  catalogOf,
  fileOf,
  give,
  langOf,
  named,
  type StorageOptions,
  signalOf,
  text,
  timeOf,
} from "./options";
import { listen } from "./source";
import type { Lang } from "./types";

/** How far a collection has come. */
export interface CollectProgress {
  /** How many records have come. */
  readonly fetched: number;
  /** How much of `total` is done. */
  readonly done: number;
  /** How much there is to fetch: milliseconds of time, or bytes of objects. */
  readonly total: number;
  /** How many requests were sent to the API. */
  readonly requests: number;
}

/** The options of `collect`. */
export interface CollectOptions {
  /** The folder of the archive, which is begun where there is none. */
  into: string | URL;
  /** Asks the query API. By default one of the environment and the config file, where there is `since`. */
  client?: Client | undefined;
  /** From when on the API is asked: a time, a date, or a span before now such as `86d`. */
  since?: string | number | Date | undefined;
  /** Until when; a bare date includes that day. By default now. */
  until?: string | number | Date | undefined;
  /** The zone of times without an offset, such as `Asia/Seoul`. By default UTC. */
  tz?: string | undefined;
  /** Objects to collect from: `s3://bucket/prefix`. */
  bucket?: string | undefined;
  /** How the bucket is reached. */
  storage?: StorageOptions | undefined;
  /** The config file, where `client` or `storage` name none. */
  config?: string | URL | undefined;
  /** The file of an Ed25519 key, PEM, to sign the ledger's head with. */
  sign?: string | URL | undefined;
  /** Ends the run, which then throws the signal's reason; what came until then is in the archive. */
  signal?: AbortSignal | undefined;
  /** Is told how far the run has come, at the most ten times a second. What it throws ends the run. */
  onProgress?: ((progress: CollectProgress) => void) | undefined;
  /** The language of the event names in the archive. By default `"ko"`. */
  lang?: Lang | undefined;
  /** The catalog of the event names in the archive. */
  catalog?: Catalog | undefined;
}

/** What a run was to fetch, and has not. */
export interface Gap {
  /** Since when; null of an object. */
  readonly since: Date | null;
  /** Until when; null of an object. */
  readonly until: Date | null;
  /** The object's URL; null of a period. */
  readonly object: string | null;
  /** Why. */
  readonly reason: string;
}

/** What became of records that came. */
export interface Counts {
  /** Records that came, some of them more than once: periods overlap. */
  readonly fetched: number;
  /** Records that the archive has gained. */
  readonly new: number;
  /** Records that it had, or that came before in the same run. */
  readonly known: number;
  /** Records that could not become events; their bytes are kept. */
  readonly rejected: number;
  /** New records with the key of another one and other content; both are kept. */
  readonly conflicts: number;
}

/** What a collection has done. */
export interface CollectReport extends Counts {
  /** What is missing. Another run fetches it. */
  readonly gaps: readonly Gap[];
  /** How many requests were sent to the API. */
  readonly requests: number;
  /** How many objects were read. */
  readonly objects: number;
  /** The hash of the ledger's last line, to be kept elsewhere, and given to `verifyArchive`. */
  readonly head: string;
  /** What made the run end early, such as keys that are refused. */
  readonly error: CloudTrailError | null;
  /** Whether all was fetched, and all of it became events. */
  readonly isComplete: boolean;
}

/** Between two looks at how far a run has come, in milliseconds. */
const PAUSE = 100;

const NAMES = [
  "into",
  "client",
  "since",
  "until",
  "tz",
  "bucket",
  "storage",
  "config",
  "sign",
  "signal",
  "onProgress",
  "lang",
  "catalog",
];

/**
 * Collects events into a local archive: what it does not have yet, from the query API, from a bucket of
 * Object Storage, or from both. It may be interrupted at any moment; the next run goes on where it stopped.
 * The archive is a source like any other: `read(into)`.
 *
 * ```js
 * const { new: fresh, gaps, head } = await collect({ into: "archive", client, since: "86d" });
 * ```
 *
 * What the service refuses or does not answer is not thrown, but in the report's `error` and `gaps`.
 *
 * @throws {CloudTrailError} `INVALID_OPTION`, `INVALID_TIME`, `LOCKED` while another run is at the archive,
 * `INVALID_ARCHIVE` where its ledger does not hold, `IO` where it cannot be written.
 */
export async function collect(options: CollectOptions): Promise<CollectReport> {
  named("collect", options, NAMES);
  const { client, since, bucket, storage, config, onProgress } = options;
  const signal = signalOf(options.signal);
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw wrongOption("onProgress: a function is wanted");
  }
  if (client !== undefined && !(client instanceof Client)) {
    throw wrongOption(`client: a Client is wanted, not ${typeof client}`);
  }
  if (since === undefined && (client !== undefined || options.until !== undefined)) {
    throw wrongOption("since: from when on? Give a time, a date, or a span before now such as 86d");
  }
  const errand: Native.Errand = {
    into: fileOf("into", options.into),
    tz: text("tz", options.tz ?? "UTC"),
    lang: langOf(options.lang),
  };
  give(errand, "since", since, timeOf);
  give(errand, "until", options.until, timeOf);
  give(errand, "bucket", bucket, text);
  give(errand, "sign", options.sign, fileOf);
  if (errand.bucket !== undefined && !native.isBucket(errand.bucket)) {
    throw wrongOption(`bucket: s3://bucket/prefix is wanted, not ${inspect(errand.bucket)}`);
  }
  const catalog = catalogOf(options.catalog);
  signal?.throwIfAborted();
  const asked = client ?? (errand.since === undefined ? undefined : new Client({ config }));
  const collector = new native.Collector();
  const running = collector.run(
    errand,
    asked && Client.nativeOf(asked),
    errand.bucket === undefined ? undefined : bucketsOf([errand.bucket], { config, ...storage }),
    catalog.native,
  );
  let told = "";
  let failure: { error: unknown } | undefined;
  const tell = () => {
    const reached = collector.reached;
    const text = JSON.stringify(reached);
    if (text !== told && !failure) {
      told = text;
      try {
        onProgress?.(reached);
      } catch (error) {
        failure = { error };
        collector.stop();
      }
    }
  };
  const timer = onProgress && setInterval(tell, PAUSE);
  const stop = () => collector.stop();
  if (signal) {
    listen(signal, stop);
  }
  try {
    // Not before it has ended, as the archive is locked until then.
    const report = await running;
    tell();
    if (!failure) {
      return reportOf(report);
    }
  } catch (error) {
    if (!failure && !(signal?.aborted && (error as CloudTrailError).code === "INTERRUPTED")) {
      throw error;
    }
    failure ??= { error: signal?.reason };
  } finally {
    clearInterval(timer);
    signal?.removeEventListener("abort", stop);
  }
  throw failure.error;
}

function reportOf({ gaps, error, ...report }: Native.Report): CollectReport {
  return { ...report, gaps: gaps.map(gapOf), error: error ? errorOf(error) : null };
}

/**
 * A gap with null for what is absent.
 *
 * @internal
 */
export function gapOf(gap: Native.Gap): Gap {
  return {
    since: gap.since ? new Date(gap.since) : null,
    until: gap.until ? new Date(gap.until) : null,
    object: gap.object ?? null,
    reason: gap.reason,
  };
}
