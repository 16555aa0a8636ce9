// @ts-check
// POST /summary takes a CloudTrail log or API answer of any shape, plain or compressed, and answers with a
// summary. The log goes through as a stream: what it takes in memory does not depend on its length.
import { createServer } from "node:http";
import { CloudTrailError, read } from "nhn-cloudtrail";

/** @typedef {import("node:http").IncomingMessage} Request */

/** Which options of `read` a client may give. The others are the service's own business. */
const PARAMETERS = [
  ...["event", "service", "kind", "phase", "outcome", "sourceType", "user", "ip", "project"],
  ...["region", "since", "until", "tz", "known", "text", "onError"],
];
/** How many names are counted apart, and how many risky changes are listed. */
const MOST = 100;

/** Why there is no summary, for the client to know. */
class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {Record<string, string>} [headers]
   */
  constructor(status, message, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * A server that is yet to listen. It reads `maxBodies` at once, each of `maxBytes` as sent and with records
 * of `recordBytes`, for `timeout` milliseconds.
 */
export function createService({
  maxBodies = 8,
  maxBytes = 2 ** 28,
  recordBytes = 2 ** 20,
  timeout = 60_000,
} = {}) {
  let bodies = 0;

  /** @type {(request: Request) => Promise<object>} */
  async function answer(request) {
    const [path, ...query] = (request.url ?? "").split("?");
    if (path !== "/summary") {
      throw new Refusal(404, "there is only /summary");
    }
    if (request.method !== "POST") {
      throw new Refusal(405, "POST a log", { allow: "POST" });
    }
    if (bodies >= maxBodies) {
      throw new Refusal(429, `${maxBodies} logs are being read: try again`, { "retry-after": "1" });
    }
    bodies += 1;
    try {
      const asked = optionsOf(new URLSearchParams(query.join("?")));
      // A few bytes may be very many, compressed: time is the limit that they meet.
      const signal = AbortSignal.timeout(timeout);
      const options = { ...asked, signal, limits: { recordBytes } };
      return await summaryOf(read(bodyOf(request, maxBytes), options));
    } finally {
      bodies -= 1;
    }
  }

  const server = createServer({ requestTimeout: timeout }, async (request, response) => {
    /** @type {(status: number, body: object, headers?: Record<string, string>) => void} */
    const send = (status, body, headers) => {
      response.setHeader("content-type", "application/json");
      // Names in a log are anybody's text: no browser is to take them for a page.
      response.setHeader("x-content-type-options", "nosniff");
      // A connection that is kept would keep a server that is closing.
      const last = server.listening ? {} : { connection: "close" };
      response.writeHead(status, { ...last, ...headers }).end(`${JSON.stringify(body)}\n`);
    };
    try {
      send(200, await answer(request));
    } catch (error) {
      if (error instanceof Refusal) {
        send(error.status, { error: error.message }, error.headers);
      } else if (error instanceof CloudTrailError && error.code !== "PANIC") {
        const { code, message, record, line, byte } = error;
        const status = code === "RECORD_TOO_LARGE" ? 413 : 400;
        send(status, { error: message, code, record, line, byte });
      } else if (error instanceof DOMException && error.name === "TimeoutError") {
        send(408, { error: `not done in ${timeout} ms` }, { connection: "close" });
      } else if (!response.destroyed) {
        console.error(error);
        send(500, { error: "something went wrong here" });
      }
    }
  });
  return server;
}

/**
 * The body, up to a limit. `read` closes a source that it is done with, be it early, and nobody takes the
 * rest of a request that is closed: a client that sends all before it reads would never see why. So the
 * rest is let go by instead.
 *
 * @type {(request: Request, maxBytes: number) => AsyncGenerator<Uint8Array>}
 */
async function* bodyOf(request, maxBytes) {
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        throw new Refusal(413, `a log has ${maxBytes} bytes at the most`);
      }
      yield chunk;
    }
  } finally {
    request.resume();
  }
}

/**
 * The options that are asked for. What their values may be is left to `read`, which says what is wrong.
 *
 * @type {(query: URLSearchParams) => import("nhn-cloudtrail").ReadOptions}
 */
function optionsOf(query) {
  /** @type {Record<string, unknown>} */
  const options = { onError: "skip" };
  for (const name of query.keys()) {
    if (!PARAMETERS.includes(name)) {
      throw new Refusal(400, `no parameter ${name}; there are ${PARAMETERS.join(", ")}`);
    }
    const values = query.getAll(name);
    options[name] = values.length > 1 ? values : values[0];
  }
  if (options["onError"] === "collect") {
    throw new Refusal(
      400,
      "onError: raise or skip; there is no telling how much would be collected",
    );
  }
  if (options["known"] === "true" || options["known"] === "false") {
    options["known"] = options["known"] === "true";
  }
  return options;
}

/** @param {import("nhn-cloudtrail").Reader} reader */
async function summaryOf(reader) {
  const services = new Map();
  const kinds = new Map();
  const failures = new Map();
  const times = {
    first: /** @type {Date | null} */ (null),
    last: /** @type {Date | null} */ (null),
  };
  const riskyChanges = { count: 0, first: /** @type {object[]} */ ([]) };
  for await (const event of reader) {
    const { eventTime: time, outcome } = event;
    count(services, event.service);
    count(kinds, event.action?.kind);
    if (outcome === "failure") {
      count(failures, event.resultCode);
    }
    if (time) {
      times.first = times.first && times.first < time ? times.first : time;
      times.last = times.last && times.last > time ? times.last : time;
    }
    if (isRisky(event) && ++riskyChanges.count <= MOST) {
      const user = short(event.userId ?? event.userName);
      const eventId = short(event.eventId);
      riskyChanges.first.push({ time, user, eventId, name: event.name("en"), outcome });
    }
  }
  // With "skip" what is no log at all does not throw either, and its summary would look like a quiet day.
  if (reader.errors[0]) {
    throw reader.errors[0];
  }
  return {
    stats: reader.stats,
    times,
    services: Object.fromEntries(services),
    kinds: Object.fromEntries(kinds),
    failures: Object.fromEntries(failures),
    riskyChanges,
  };
}

/**
 * Whether a change is one to look at: a part of the infrastructure or the organization is gone, or somebody
 * may do more, or reach more, than before. No kind says the second: who is given a role is updated, as is
 * whoever is given another name. What the event is about says it.
 *
 * @type {(event: import("nhn-cloudtrail").Event) => boolean}
 */
function isRisky({ service, resource, action }) {
  if (!service || !["console", "infrastructure", "role"].includes(service)) {
    return false;
  }
  const isAccess = /role|security_group|networkacl|\bmembers?\b/.test(`${service} ${resource}`);
  return action?.kind === "delete" || (isAccess && action?.kind !== "read");
}

/**
 * Counts by name. Names in a log are anybody's: they may be many, and long.
 *
 * @type {(counts: Map<string, number>, name: string | null | undefined) => void}
 */
function count(counts, name) {
  const key = short(name) ?? "unknown";
  const kept = counts.has(key) || counts.size < MOST ? key : "other";
  counts.set(kept, (counts.get(kept) ?? 0) + 1);
}

/** @type {(text: string | null | undefined) => string | null} */
function short(text) {
  return text?.slice(0, 200) ?? null;
}
