import { type Counts, type Gap, gapOf } from "./collect";
import native, { type Native } from "./native";
import { fileOf, named, text } from "./options";

/** The options of `verifyArchive`. */
export interface VerifyOptions {
  /** A known head: the ledger must contain it, and may have further entries after it. */
  head?: string | undefined;
  /** File of the public Ed25519 key (PEM) under which the newest head must be signed. */
  publicKey?: string | URL | undefined;
  /** The file in which `collect` keeps the newest head. It must exist. */
  headFile?: string | URL | undefined;
}

/** A difference from what was recorded. */
export interface Finding {
  /**
   * A file or a ledger entry was altered, removed or added, or is in the place of another one; or the head is
   * not the known one, its signature is not valid, or the last run ended too long ago.
   */
  readonly kind: "altered" | "removed" | "added" | "moved" | "head" | "signature" | "age";
  /** Path of the file in the archive. */
  readonly path: string;
  /** Description of the finding. */
  readonly message: string;
}

/** The result of a verification. */
export interface Verification {
  /** Whether everything is as recorded. */
  readonly isIntact: boolean;
  /** Differences from what was recorded. */
  readonly findings: readonly Finding[];
  /** Number of entries of the ledger. */
  readonly entries: number;
  /** Number of files that the archive should have according to the ledger. */
  readonly files: number;
  /** Number of records in them. */
  readonly records: number;
  /** Hash of the ledger's last line. */
  readonly head: string;
  /**
   * Whether a run is in progress or was interrupted, according to its journal. The next run completes an
   * interrupted one.
   */
  readonly interrupted: boolean;
  /** Number of losses that were repaired or acknowledged as final. They are not findings. */
  readonly settled: number;
}

/** A day of an archive, in UTC. */
export interface ArchiveDay {
  /** `YYYY-MM-DD`; null for events without a time. */
  readonly date: string | null;
  /** Number of events. */
  readonly events: number;
  /** Number of files. */
  readonly files: number;
  /** Size in bytes. */
  readonly bytes: number;
}

/** Contents of an archive from an organization that was collected from the API. */
export interface ArchiveSource {
  /** A hash of the base URL and the appkey. */
  readonly source: string;
  /** Its name in the config file; null if it has no name. */
  readonly name: string | null;
  /** Start. */
  readonly since: Date;
  /** End. */
  readonly until: Date;
  /** Missing periods in between. */
  readonly gaps: readonly Stretch[];
}

/** Contents of an archive from a named bucket. */
export interface ArchiveBucket {
  /** `s3://bucket` or `s3://bucket/prefix`. */
  readonly source: string;
  /** Its name in the config file. */
  readonly name: string;
  /** Number of its objects that were read. */
  readonly objects: number;
}

/** A run that adds to an archive. */
export interface ArchiveLock {
  /** How the run identifies itself. */
  readonly holder: string;
  /** Start of the run; null if `holder` does not contain it. */
  readonly since: Date | null;
}

/** Something that an archive has lost: a file, an object, or a period. */
export interface ArchiveLoss {
  /** Path of a file in the archive, or URL of an object. */
  readonly path?: string;
  /** Start of a period. */
  readonly since?: Date;
  /** End of a period. */
  readonly until?: Date;
  /** The organization of a period, by its hash. */
  readonly source?: string;
  /** Number of records of a lost file. */
  readonly records?: number;
  /** `repaired` if it was read again, `final` if its loss was acknowledged. */
  readonly state: "open" | "repaired" | "final";
  /** How it was repaired, why it is final, or what is wrong. */
  readonly reason: string;
  /** When it was repaired or acknowledged. */
  readonly time?: Date;
}

/** Days that were pruned from an archive. */
export interface ArchivePruned {
  /** The first day that was kept, `YYYY-MM-DD`. */
  readonly before: string;
  /** The reason that was given. */
  readonly reason: string;
  /** When they were pruned. */
  readonly time: Date;
  /** Number of days. */
  readonly days: number;
  /** Number of files. */
  readonly files: number;
  /** Number of records. */
  readonly records: number;
  /** Size in bytes. */
  readonly bytes: number;
}

/** A range of time. */
export interface Stretch {
  /** Start. */
  readonly since: Date;
  /** End. */
  readonly until: Date;
}

/** The last run that was completed. */
export interface LastRun {
  /** When it started. */
  readonly begun: Date;
  /** When it ended. */
  readonly ended: Date;
  /** Number of records received, and what they became. */
  readonly records: Counts;
  /** What it did not fetch. */
  readonly gaps: readonly Gap[];
}

/** The contents of an archive. */
export interface ArchiveStatus {
  /** Number of events. */
  readonly events: number;
  /** Number of records that could not become events. */
  readonly rejects: number;
  /** Number of files. */
  readonly files: number;
  /** Total size of the files in bytes. */
  readonly bytes: number;
  /** Hash of the ledger's last line. */
  readonly head: string;
  /** Days with events, in order. The last one may stand for events without a time. */
  readonly days: readonly ArchiveDay[];
  /** Organizations that were collected from the API. */
  readonly sources: readonly ArchiveSource[];
  /** Number of objects read from buckets. */
  readonly objects: number;
  /** Buckets that have names. */
  readonly buckets: readonly ArchiveBucket[];
  /** What was lost, with its state. */
  readonly losses: readonly ArchiveLoss[];
  /** What was pruned. */
  readonly pruned: readonly ArchivePruned[];
  /** Number of files that `archive compact` merges. */
  readonly compactable: number;
  /** The last run that was completed; null if there is none. */
  readonly lastRun: LastRun | null;
  /** The run that is adding to the archive; null if there is none. */
  readonly lock: ArchiveLock | null;
}

/** The JSON that the core writes. */
interface Written {
  last_run: { begun: string; ended: string; records: Counts; gaps: Native.Gap[] } | null;
  lock: { holder: string; since: string | null } | null;
  losses: WrittenTimes<ArchiveLoss>[];
  pruned: WrittenTimes<ArchivePruned>[];
  sources: {
    source: string;
    name: string | null;
    since: string;
    until: string;
    gaps: WrittenStretch[];
  }[];
}

/** The same with times as text. */
type WrittenTimes<T> = { [K in keyof T]: Date extends T[K] ? string : T[K] };

interface WrittenStretch {
  since: string;
  until: string;
}

/**
 * Compares an archive with its ledger: every line, and the hash of every file.
 *
 * ```js
 * const { isIntact, findings } = await verifyArchive("archive", { head });
 * ```
 *
 * A run may add to the archive meanwhile.
 *
 * @throws {CloudTrailError} `NOT_FOUND` or `INVALID_ARCHIVE` if there is no archive; `IO` if it cannot be read;
 * `INVALID_OPTION` for a file without a key.
 */
export async function verifyArchive(
  path: string | URL,
  options: VerifyOptions = {},
): Promise<Verification> {
  named("verifyArchive", options, ["head", "publicKey", "headFile"]);
  const { head, publicKey, headFile } = options;
  const json = await native.verifyArchive(
    fileOf("path", path),
    head === undefined ? head : text("head", head),
    publicKey === undefined ? publicKey : fileOf("publicKey", publicKey),
    headFile === undefined ? headFile : fileOf("headFile", headFile),
  );
  const verified: Omit<Verification, "isIntact"> = JSON.parse(json);
  return { isIntact: verified.findings.length === 0, ...verified };
}

/**
 * Returns the contents of an archive, as its ledger records them. The files are checked by `verifyArchive`.
 *
 * @throws {CloudTrailError} `NOT_FOUND` if there is no archive; `INVALID_ARCHIVE` if its ledger is not valid.
 */
export async function archiveStatus(path: string | URL): Promise<ArchiveStatus> {
  const json = await native.archiveStatus(fileOf("path", path));
  const written: Written & Omit<ArchiveStatus, "lastRun" | keyof Written> = JSON.parse(json);
  const { last_run: run, lock, sources, losses, pruned, ...status } = written;
  return {
    ...status,
    sources: sources.map(({ source, name, gaps, ...period }) => ({
      source,
      name,
      ...stretchOf(period),
      gaps: gaps.map(stretchOf),
    })),
    losses: losses.map(({ since, until, time, ...loss }) => ({
      ...loss,
      ...(since !== undefined && { since: new Date(since) }),
      ...(until !== undefined && { until: new Date(until) }),
      ...(time !== undefined && { time: new Date(time) }),
    })),
    pruned: pruned.map((pruned) => ({ ...pruned, time: new Date(pruned.time) })),
    lock: lock && { holder: lock.holder, since: lock.since === null ? null : new Date(lock.since) },
    lastRun: run && {
      begun: new Date(run.begun),
      ended: new Date(run.ended),
      records: run.records,
      gaps: run.gaps.map(gapOf),
    },
  };
}

function stretchOf({ since, until }: WrittenStretch): Stretch {
  return { since: new Date(since), until: new Date(until) };
}
