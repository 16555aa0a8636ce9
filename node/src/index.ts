/**
 * Reads NHN Cloud CloudTrail logs into typed events, and knows every event ID.
 *
 * `parse` is for text in hand, `read` for files and streams, `readTable` for Arrow, `catalog` for what the
 * IDs mean, `Client` and `collect` for the query API.
 *
 * @packageDocumentation
 */

import native from "./native";

export type {
  ArchiveBucket,
  ArchiveDay,
  ArchiveLock,
  ArchiveLoss,
  ArchivePruned,
  ArchiveSource,
  ArchiveStatus,
  Finding,
  LastRun,
  Stretch,
  Verification,
  VerifyOptions,
} from "./archive";
export { archiveStatus, verifyArchive } from "./archive";
export type { Listing, ListRow, ResourceEffect } from "./catalog";
export { Catalog, catalog, Entry, Service } from "./catalog";
export type { ClientOptions } from "./client";
export { Client } from "./client";
export type { CollectOptions, CollectProgress, CollectReport, Counts, Gap } from "./collect";
export { collect } from "./collect";
export type { ErrorCode, ErrorDetails } from "./errors";
export { CloudTrailError } from "./errors";
export type { KnownEvent, UnknownEvent } from "./event";
export { Event } from "./event";
export type {
  Filters,
  Limits,
  Member,
  OneOrMore,
  ParseOptions,
  ReadOptions,
  SearchOptions,
  StorageOptions,
  TableOptions,
} from "./options";
export type { EventStream } from "./reader";
export { eventStream, parse, Reader, read } from "./reader";
export type { Data, Path, Source } from "./source";
export { readTable, Table } from "./table";
export type * from "./types";

const names = native.names();

/** The version of this package. */
export const VERSION: string = names.version;

/** The version of the table's columns, their order and meaning. */
export const SCHEMA_VERSION: string = names.schemaVersion;
