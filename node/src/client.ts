import { inspect } from "node:util";
import { wrongOption } from "./errors";
import native, { type Native } from "./native";
import {
  check,
  fileOf,
  give,
  named,
  oneOf,
  type SearchOptions,
  secret,
  type TableOptions,
  wantedOf,
  warnOf,
  whole,
} from "./options";
import { Reader } from "./reader";

/** The options of a `Client`. */
export interface ClientOptions {
  /** The query API's base URL, `https://` and a host. Else `NHN_CLOUDTRAIL_BASE_URL`. */
  baseUrl?: string | undefined;
  /** The organization's appkey. Else `NHN_CLOUDTRAIL_APP_KEY`. */
  appKey?: string | undefined;
  /** The User Access Key ID. Else `NHN_CLOUDTRAIL_ACCESS_KEY_ID`. */
  accessKeyId?: string | undefined;
  /** The Secret Access Key. Else `NHN_CLOUDTRAIL_SECRET_ACCESS_KEY`. */
  secretAccessKey?: string | undefined;
  /** Which version of the API: `"v2"` (the default) wants keys, `"v1"` the appkey alone. */
  api?: "v1" | "v2" | undefined;
  /** The config file. Else `NHN_CLOUDTRAIL_CONFIG`, else `~/.config/nhn-cloudtrail/config.toml`. */
  config?: string | URL | undefined;
  /** How many requests may be under way at a time, 1 to 64. By default 4. */
  concurrency?: number | undefined;
  /** How many requests may begin in a second, at the most. By default 50. */
  rate?: number | undefined;
  /** How often a request is tried again that failed. By default 8 times. */
  retries?: number | undefined;
  /** How many milliseconds a request may take, with all of its answer. By default 60,000. */
  timeout?: number | undefined;
  /** How many records are asked for at a time, 1 to 1000. By default 1000. */
  pageSize?: number | undefined;
}

const TEXTS = ["baseUrl", "appKey", "accessKeyId", "secretAccessKey"] as const;
const WHOLE = ["concurrency", "retries", "pageSize"] as const;

/**
 * Asks the query API. What the options leave out comes from the environment, else from the config file.
 * Nothing that shows a client shows a key.
 *
 * ```js
 * const client = new Client({ baseUrl: "https://…", appKey: "…" });
 * for await (const event of client.search({ since: "7d", kind: "delete" })) console.log(event);
 * ```
 */
export class Client {
  readonly #native: Native.Client;

  /**
   * A client; nothing is asked yet.
   *
   * @throws {CloudTrailError} `INVALID_OPTION` where the base URL, the appkey or, for v2, the keys are
   * missing, or an option is out of range.
   */
  constructor(options: ClientOptions = {}) {
    named("Client", options, [...TEXTS, ...WHOLE, "api", "config", "rate", "timeout"]);
    const access: Native.Access = {};
    for (const name of TEXTS) {
      give(access, name, options[name], secret);
    }
    for (const name of WHOLE) {
      give(access, name, options[name], whole);
    }
    give(access, "api", options.api, (name, given) => oneOf(name, given, ["v1", "v2"]));
    give(access, "config", options.config, fileOf);
    give(access, "rate", options.rate, positive);
    give(access, "timeout", options.timeout, positive);
    this.#native = new native.Client(access);
    warnOf(this.#native.exposed);
  }

  /**
   * The events of a search, the oldest first, each once. The period is asked for in pieces, several at a
   * time; leaving the loop, or the signal, ends the requests.
   *
   * What the API or the network refuses is thrown, whatever `onError` says: `REFUSED` at once, `NETWORK`,
   * `TIMEOUT`, `HTTP_STATUS` and `BAD_ANSWER` after all attempts.
   *
   * @throws {CloudTrailError} at once for options that make no sense; the rest while reading.
   */
  search(options: SearchOptions): Reader {
    const checked = check("search", (options ?? {}) as TableOptions);
    const wanted = wantedOf(options ?? {});
    const search = (given: Native.Options) => native.Reader.search(this.#native, wanted, given);
    return new Reader({ search }, checked);
  }

  /** @internal */
  static nativeOf(client: Client): Native.Client {
    return client.#native;
  }
}

function positive(name: string, given: unknown): number {
  if (typeof given !== "number" || !(given > 0)) {
    throw wrongOption(`${name}: a number above 0 is wanted, not ${inspect(given, { depth: 0 })}`);
  }
  return given;
}
