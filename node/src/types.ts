import type { KnownEventId, KnownServiceId } from "./ids";

export type { KnownEventId, KnownServiceId } from "./ids";

/** An event ID: one that the catalog knows, which editors complete, or any other. */
export type EventId = KnownEventId | (string & {});

/** The slug of a service: one that the catalog knows, or one of an overlay. */
export type ServiceId = KnownServiceId | (string & {});

/** A language that the catalog has names in. */
export type Lang = "ko" | "en" | "ja";

/** What sort of act an event is. */
export type Kind = "create" | "read" | "update" | "delete" | "execute" | "authenticate";

/** How far an act has come, where the event's ID marks it. */
export type Phase = "requested" | "started" | "completed" | "failed" | "cancelled";

/** How the call went that an event records. */
export type Outcome = "success" | "failure" | "unknown";

/**
 * What becomes of records that cannot be read: the first is thrown; they are left out and counted; they
 * are kept in `rejects`.
 */
export type OnError = "raise" | "skip" | "collect";

/** A column of the table. The last three are there on request only. */
export type Column =
  | "event_time"
  | "event_id"
  | "event_name"
  | "service"
  | "resource"
  | "verb"
  | "kind"
  | "phase"
  | "outcome"
  | "result_code"
  | "result_message"
  | "event_source_type"
  | "user_id"
  | "user_name"
  | "user_id_no"
  | "user_ip"
  | "user_agent"
  | "region"
  | "org_id"
  | "project_id"
  | "project_name"
  | "product_id"
  | "app_key"
  | "tenant_id"
  | "target_members"
  | "event_log_uuid"
  | "request"
  | "response"
  | "extra"
  | "known"
  | "raw"
  | "source"
  | "source_record";

/** What an event does. */
export interface Action {
  /** The word that the ID uses for it. */
  readonly verb: string | null;
  /** What sort of act it is. */
  readonly kind: Kind;
  /** How far the act has come, where the ID marks it; null is the act itself. */
  readonly phase: Phase | null;
  /** Whether the project decided it, or rules read it from the ID's words. */
  readonly provenance: "curated" | "inferred";
}

/** A member that an event was done to. */
export interface TargetMember {
  /** The member's UUID. */
  readonly idNo: string | null;
  /** The member's name. */
  readonly name: string | null;
  /** The member's code: text, or a whole number as written. */
  readonly userCode: string | null;
  /** The member's e-mail address. */
  readonly emailAddress: string | null;
}

/** Where a record came from. */
export interface Position {
  /** The path; null for bytes and streams. */
  readonly source: string | null;
  /** The number of the record in its source, from 1. */
  readonly record: number;
  /** The line that it begins on, from 1; 0 where there are no lines, as in Parquet. */
  readonly line: number;
  /** The byte that it begins at in the decompressed text, from 0. */
  readonly byte: number;
}

/** What was read: `records = events + rejects + duplicates`, always. */
export interface Stats {
  /** All records that were read and not filtered out. */
  readonly records: number;
  /** Records that became events. */
  readonly events: number;
  /** Records that could not become events. */
  readonly rejects: number;
  /** Records with the key and the content of one before; counted with `dedup`. */
  readonly duplicates: number;
  /** Events with the key of one before and other content; counted with `dedup`. */
  readonly conflicts: number;
  /** Events that the filters left out; no part of `records`. */
  readonly filtered: number;
  /**
   * Events whose record has no CloudTrail field, or is one of another system; they are among `events` too.
   * Foreign or wrapped data perhaps: see `recordPath`.
   */
  readonly unrecognized: number;
  /** NUL bytes that were skipped before records, as a log has them that was truncated while it was written. */
  readonly nulBytes: number;
}

/** What could not become an event. */
export interface Reject {
  /** Where it stands. */
  readonly position: Position;
  /** The reason, as a stable name. */
  readonly code: string;
  /** The reason, in words. */
  readonly message: string;
  /** The bytes as they came; of a record larger than the limit, 64 KiB at the most. */
  readonly raw: Uint8Array;
  /** How many bytes it has in the input, which may be more than `raw` holds. */
  readonly length: number;
}

/** The flat form of an event: the table's columns in their order, null where there is nothing. */
export interface FlatEvent {
  /** RFC 3339, in UTC, to the millisecond. */
  eventTime: string | null;
  /** What happened: the key of the catalog. */
  eventId: string | null;
  /** The event's name in the language that it was read with. */
  eventName: string | null;
  /** The service's slug. */
  service: string | null;
  /** What the event is about. */
  resource: string | null;
  /** The word that the ID uses for what was done. */
  verb: string | null;
  /** What sort of act it is. */
  kind: Kind | null;
  /** How far the act has come, where the event marks it. */
  phase: Phase | null;
  /** How the call went. */
  outcome: Outcome;
  /** The code in the response's header, as text. */
  resultCode: string | null;
  /** The message in the response's header. */
  resultMessage: string | null;
  /** Through what it was done. */
  eventSourceType: string | null;
  /** The ID of the acting member. */
  userId: string | null;
  /** The name of the acting member. */
  userName: string | null;
  /** The UUID of the acting member. */
  userIdNo: string | null;
  /** The address it was done from, as written. */
  userIp: string | null;
  /** The client it was done with. */
  userAgent: string | null;
  /** The region. */
  region: string | null;
  /** The organization. */
  orgId: string | null;
  /** The project. */
  projectId: string | null;
  /** The project's name. */
  projectName: string | null;
  /** The product. */
  productId: string | null;
  /** The appkey. */
  appKey: string | null;
  /** The tenant. */
  tenantId: string | null;
  /** The members it was done to. */
  targetMembers: readonly TargetMember[] | null;
  /** The unique key of the record. */
  eventLogUuid: string | null;
  /** What was asked for, as text. */
  request: string | null;
  /** What was answered, as text. */
  response: string | null;
  /** Of numbers that a `number` cannot hold it has the nearest; `extraJson` has them as written. */
  extra: Record<string, unknown> | null;
  /** Whether the catalog has the event's ID. */
  known: boolean;
}
