/** The stable name of what went wrong, the same in Rust and Python. */
export type ErrorCode =
  | "IO"
  | "WOULD_BLOCK"
  | "NOT_FOUND"
  | "LOCKED"
  | "NETWORK"
  | "TIMEOUT"
  | "HTTP_STATUS"
  | "BAD_ANSWER"
  | "REFUSED"
  | "NOT_A_LOG"
  | "API_FAILURE"
  | "BAD_COMPRESSION"
  | "INVALID_TABLE"
  | "INVALID_ARCHIVE"
  | "INVALID_JSON"
  | "INVALID_UTF8"
  | "NOT_AN_OBJECT"
  | "TRAILING_TEXT"
  | "TRUNCATED"
  | "RECORD_TOO_LARGE"
  | "RECORD_TOO_DEEP"
  | "INVALID_TIME"
  | "INVALID_FILTER"
  | "INVALID_OPTION"
  | "INTERRUPTED"
  | "INVALID_OVERLAY"
  | "INVALID_LIST"
  | "PANIC";

/** What a `CloudTrailError` knows besides its message. */
export interface ErrorDetails {
  /** What went wrong. */
  code: ErrorCode;
  /** The path of the source. */
  source?: string | null | undefined;
  /** The number of the record in its source, from 1. */
  record?: number | null | undefined;
  /** The line in the decompressed text, from 1. */
  line?: number | null | undefined;
  /** The byte in the decompressed text, from 0. */
  byte?: number | null | undefined;
  /** The path of the field that it is about. */
  field?: string | null | undefined;
  /** What it came from. */
  cause?: unknown;
}

/**
 * Anything that goes wrong in nhn-cloudtrail, whether thrown, rejected or emitted.
 *
 * The message says what, where, and what to do about it; the properties say it to programs.
 */
export class CloudTrailError extends Error {
  /** What went wrong, as a stable name. */
  readonly code: ErrorCode;
  /** The path of the source; null for bytes and streams, and where none is meant. */
  readonly source: string | null;
  /** The number of the record in its source, from 1; null where none is meant. */
  readonly record: number | null;
  /** The line in the decompressed text, from 1; null where it is not known. */
  readonly line: number | null;
  /** The byte in the decompressed text, from 0; null where it is not known. */
  readonly byte: number | null;
  /** The path of the field that it is about, such as `eventTarget.targetMembers[0].idNo`, or null. */
  readonly field: string | null;

  /** An error of this code, for programs that report as this package does. */
  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.source = details.source ?? null;
    this.record = details.record ?? null;
    this.line = details.line ?? null;
    this.byte = details.byte ?? null;
    this.field = details.field ?? null;
  }
}

// Not a property of each error: it is the same for all, and `console.log` would show it.
Object.defineProperty(CloudTrailError.prototype, "name", {
  value: "CloudTrailError",
  writable: true,
  configurable: true,
});

/** An option that makes no sense. */
export function wrongOption(message: string): CloudTrailError {
  return new CloudTrailError(message, { code: "INVALID_OPTION" });
}
