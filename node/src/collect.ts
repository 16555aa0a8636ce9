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
  list,
  named,
  type StorageOptions,
  signalOf,
  text,
  timeOf,
  warnOf,
} from "./options";
import { listen } from "./source";
import type { Lang } from "./types";

/** The progress of a collection. */
export interface CollectProgress {
  /** Number of records received. */
  readonly fetched: number;
  /** How much of `total` is done. */
  readonly done: number;
  /** Total amount to fetch: milliseconds of time, or bytes of objects. */
  readonly total: number;
  /** Number of requests sent to the API. */
  readonly requests: number;
}

/** The options of `collect`. */
export interface CollectOptions {
  /** The folder of the archive; created if it does not exist. */
  into: string | URL;
  /** The client of the query API. With `since`, by default one from the environment and the config file. */
  client?: Client | undefined;
  /** Start of the period of the API: a time, a date, or a span before now such as `86d`. */
  since?: string | number | Date | undefined;
  /** End of the period; a bare date includes that day. By default now. */
  until?: string | number | Date | undefined;
  /** The zone of times without an offset, such as `Asia/Seoul`. By default UTC. */
  tz?: string | undefined;
  /** Objects to collect from: `s3://bucket/prefix`. */
  bucket?: string | undefined;
  /**
   * Names of sources, which are tables `[[source]]` of the config file, or `"all"` for all of them. A source
   * that fails does not stop the others; gaps and the error begin with its name. `since` applies to organizations
   * without `since` in the file.
   */
  sources?: "all" | readonly string[] | undefined;
  /** Globs of objects of the bucket to exclude; `*` matches slashes too. */
  exclude?: readonly string[] | undefined;
  /** Address and keys of Object Storage. */
  storage?: StorageOptions | undefined;
  /** The config file, unless `client` or `storage` name one. */
  config?: string | URL | undefined;
  /** Milliseconds to wait while another run holds the archive's lock; `true` waits without a limit. */
  waitForLock?: boolean | number | undefined;
  /** The file of an Ed25519 key, PEM, to sign the ledger's head with. */
  sign?: string | URL | undefined;
  /**
   * A file outside of the archive that keeps its newest head. The archive must contain the head in the file, and
   * may have entries after it; this detects an archive that was rolled back or replaced.
   */
  headFile?: string | URL | undefined;
  /** Maximum duration of the run in seconds. Events fetched until then are kept, and the rest is a gap. */
  deadline?: number | undefined;
  /** Ends the run, which then throws the signal's reason. Events committed until then are in the archive. */
  signal?: AbortSignal | undefined;
  /** Called with the progress at most ten times a second. An exception of the callback ends the run. */
  onProgress?: ((progress: CollectProgress) => void) | undefined;
  /** The language of the event names in the archive. By default `"ko"`. */
  lang?: Lang | undefined;
  /** The catalog of the event names in the archive. */
  catalog?: Catalog | undefined;
}

/** Something that a run should have fetched and did not. */
export interface Gap {
  /** Start of the period; null for an object. */
  readonly since: Date | null;
  /** End of the period; null for an object. */
  readonly until: Date | null;
  /** URL of the object; null for a period. */
  readonly object: string | null;
  /** The reason. */
  readonly reason: string;
}

/** Number of records received, and what they became. */
export interface Counts {
  /** Records received; some more than once, since periods overlap. */
  readonly fetched: number;
  /** Records added to the archive. */
  readonly new: number;
  /** Records that the archive already had, or that were received before in the same run. */
  readonly known: number;
  /** Records that could not become events; their bytes are kept. */
  readonly rejected: number;
  /** New records with the key of another record but different content; both are kept. */
  readonly conflicts: number;
}

/** The result of a collection. */
export interface CollectReport extends Counts {
  /** What is missing. Another run fetches it. */
  readonly gaps: readonly Gap[];
  /** Problems that do not make anything missing, such as a wrong clock. */
  readonly warnings: readonly string[];
  /** Number of requests sent to the API. */
  readonly requests: number;
  /** Number of objects read. */
  readonly objects: number;
  /** Hash of the ledger's last line, to be kept outside of the archive and passed to `verifyArchive`. */
  readonly head: string;
  /** The error that ended the run early, such as refused keys. */
  readonly error: CloudTrailError | null;
  /** Whether everything was fetched, and all of it became events. */
  readonly isComplete: boolean;
}

/** Interval between two progress updates, in milliseconds. */
const PAUSE = 100;

const NAMES = [
  "into",
  "client",
  "since",
  "until",
  "tz",
  "bucket",
  "sources",
  "exclude",
  "storage",
  "config",
  "waitForLock",
  "sign",
  "headFile",
  "deadline",
  "signal",
  "onProgress",
  "lang",
  "catalog",
];

/**
 * Collects events that a local archive does not have yet, from the query API, from a bucket of
 * Object Storage, or from both. It may be interrupted at any moment; the next run resumes where it stopped.
 * The archive is a source like any other: `read(into)`.
 *
 * ```js
 * const { new: fresh, gaps, head } = await collect({ into: "archive", client, since: "86d" });
 * ```
 *
 * If the service refuses a request or does not respond, nothing is thrown: the report has `error` and `gaps`.
 *
 * @throws {CloudTrailError} `INVALID_OPTION`; `INVALID_TIME`; `LOCKED` if another run holds the archive's lock;
 * `INVALID_ARCHIVE` if its ledger is not valid or does not have the head that was signed or stored last; `IO` if
 * the archive cannot be written.
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
  const sources = sourcesOf(options.sources);
  if (sources && (client !== undefined || bucket !== undefined)) {
    throw wrongOption("sources: the config file has them; leave client and bucket out");
  }
  const isUntil = options.until !== undefined && !sources;
  if (since === undefined && (client !== undefined || isUntil)) {
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
  if (sources) {
    errand.sources = sources;
    give(errand, "config", config, fileOf);
  }
  give(errand, "waitForLock", options.waitForLock, waitOf);
  give(errand, "exclude", options.exclude, list);
  give(errand, "sign", options.sign, fileOf);
  give(errand, "headFile", options.headFile, fileOf);
  give(errand, "deadline", options.deadline, seconds);
  if (errand.bucket !== undefined && !native.isBucket(errand.bucket)) {
    throw wrongOption(`bucket: s3://bucket/prefix is wanted, not ${inspect(errand.bucket)}`);
  }
  if (errand.sign !== undefined && native.isExposed(errand.sign)) {
    warnOf(errand.sign);
  }
  const catalog = catalogOf(options.catalog);
  signal?.throwIfAborted();
  const isAsked = errand.since !== undefined && !sources;
  const asked = client ?? (isAsked ? new Client({ config }) : undefined);
  const collector = new native.Collector();
  const running = collector.run(
    errand,
    asked && Client.nativeOf(asked),
    errand.bucket === undefined ? undefined : bucketsOf([errand.bucket], { config, ...storage }),
    catalog.native,
  );
  warnOf(collector.exposed);
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

function seconds(name: string, given: unknown): number {
  if (typeof given !== "number" || !(given >= 0)) {
    throw wrongOption(
      `${name}: a number of seconds from 0 on is wanted, not ${inspect(given, { depth: 0 })}`,
    );
  }
  return given;
}

/** Names of sources; an empty list selects all. */
function sourcesOf(given: unknown): string[] | undefined {
  if (given === undefined || given === null) {
    return undefined;
  }
  if (given === "all") {
    return [];
  }
  if (!Array.isArray(given) || given.length === 0) {
    throw wrongOption(
      `sources: "all" or a list of names is wanted, not ${inspect(given, { depth: 0 })}`,
    );
  }
  return given.map((name) => text("sources", name));
}

/** How long to wait, in milliseconds. */
function waitOf(name: string, given: unknown): number {
  if (typeof given === "boolean") {
    return given ? Number.POSITIVE_INFINITY : 0;
  }
  if (typeof given !== "number" || !(given >= 0)) {
    throw wrongOption(
      `${name}: a number of milliseconds is wanted, not ${inspect(given, { depth: 0 })}`,
    );
  }
  return given;
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
