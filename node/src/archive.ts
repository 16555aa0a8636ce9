import { type Counts, type Gap, gapOf } from "./collect";
import native, { type Native } from "./native";
import { fileOf, named, text } from "./options";

/** The options of `verifyArchive`. */
export interface VerifyOptions {
  /** A head that is known: the ledger must have it, and may have more after it. */
  head?: string | undefined;
  /** The file of the public Ed25519 key, PEM, by which the newest head must be signed. */
  publicKey?: string | URL | undefined;
}

/** Something that is not as it was recorded. */
export interface Finding {
  /**
   * A file, or an entry of the ledger, was altered, removed, added, or is in another one's place; or the
   * head is not the one that is known, or its signature does not hold.
   */
  readonly kind: "altered" | "removed" | "added" | "moved" | "head" | "signature";
  /** The file, by its path in the archive. */
  readonly path: string;
  /** In words. */
  readonly message: string;
}

/** What was found out about an archive. */
export interface Verification {
  /** Whether all is as recorded. */
  readonly isIntact: boolean;
  /** What is not as it was recorded. */
  readonly findings: readonly Finding[];
  /** How many entries the ledger has. */
  readonly entries: number;
  /** How many files it speaks of. */
  readonly files: number;
  /** How many records are in them. */
  readonly records: number;
  /** The hash of the ledger's last line. */
  readonly head: string;
  /** Whether a run was interrupted, whose last step the next run makes. */
  readonly interrupted: boolean;
}

/** A day of an archive, UTC. */
export interface ArchiveDay {
  /** `YYYY-MM-DD`; null for events without a time. */
  readonly date: string | null;
  /** How many events. */
  readonly events: number;
  /** How many files. */
  readonly files: number;
  /** How many bytes. */
  readonly bytes: number;
}

/** What an archive has of an organization that was asked by the API. */
export interface ArchiveSource {
  /** A hash of the base URL and the appkey. */
  readonly source: string;
  /** Since when. */
  readonly since: Date;
  /** Until when. */
  readonly until: Date;
  /** What is missing in between. */
  readonly gaps: readonly Stretch[];
}

/** A stretch of time. */
export interface Stretch {
  /** Since when. */
  readonly since: Date;
  /** Until when. */
  readonly until: Date;
}

/** The last run that came to its end. */
export interface LastRun {
  /** When it began. */
  readonly begun: Date;
  /** When it ended. */
  readonly ended: Date;
  /** What became of the records that came. */
  readonly records: Counts;
  /** What it did not come to. */
  readonly gaps: readonly Gap[];
}

/** What an archive has. */
export interface ArchiveStatus {
  /** How many events it has. */
  readonly events: number;
  /** How many records could not become events. */
  readonly rejects: number;
  /** How many files it has. */
  readonly files: number;
  /** The bytes of its files. */
  readonly bytes: number;
  /** The hash of the ledger's last line. */
  readonly head: string;
  /** The days that it has events of, in order; the last one may be of those without a time. */
  readonly days: readonly ArchiveDay[];
  /** The organizations that were asked by the API. */
  readonly sources: readonly ArchiveSource[];
  /** How many objects of buckets were read. */
  readonly objects: number;
  /** The last run that came to its end; null where none has. */
  readonly lastRun: LastRun | null;
}

/** As the core writes it. */
interface Written {
  last_run: { begun: string; ended: string; records: Counts; gaps: Native.Gap[] } | null;
  sources: { source: string; since: string; until: string; gaps: WrittenStretch[] }[];
}

interface WrittenStretch {
  since: string;
  until: string;
}

/**
 * Whether an archive is as its ledger says: every line of it, and every file, by its hash.
 *
 * ```js
 * const { isIntact, findings } = await verifyArchive("archive", { head });
 * ```
 *
 * @throws {CloudTrailError} `NOT_FOUND` or `INVALID_ARCHIVE` where there is no archive, `LOCKED` while a run
 * adds to it, `IO` where it cannot be read, `INVALID_OPTION` for a file without a key.
 */
export async function verifyArchive(
  path: string | URL,
  options: VerifyOptions = {},
): Promise<Verification> {
  named("verifyArchive", options, ["head", "publicKey"]);
  const { head, publicKey } = options;
  const json = await native.verifyArchive(
    fileOf("path", path),
    head === undefined ? head : text("head", head),
    publicKey === undefined ? publicKey : fileOf("publicKey", publicKey),
  );
  const verified: Omit<Verification, "isIntact"> = JSON.parse(json);
  return { isIntact: verified.findings.length === 0, ...verified };
}

/**
 * What an archive has, as its ledger says. The files are not looked at: that is for `verifyArchive`.
 *
 * @throws {CloudTrailError} `NOT_FOUND` where there is no archive, `INVALID_ARCHIVE` where its ledger does not
 * hold.
 */
export async function archiveStatus(path: string | URL): Promise<ArchiveStatus> {
  const json = await native.archiveStatus(fileOf("path", path));
  const written: Written & Omit<ArchiveStatus, "lastRun" | "sources"> = JSON.parse(json);
  const { last_run: run, sources, ...status } = written;
  return {
    ...status,
    sources: sources.map(({ source, gaps, ...period }) => ({
      source,
      ...stretchOf(period),
      gaps: gaps.map(stretchOf),
    })),
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
