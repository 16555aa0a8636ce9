// The servers of tests/servers, as children that end with the test, and with this process.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client } from "nhn-cloudtrail";
import { folder, ROOT, settled } from "./support.mjs";

const PYTHON = process.env.PYTHON ?? (process.platform === "win32" ? "python" : "python3");

/** What the API's server wants to be told. */
export const KEYS = {
  appKey: "appkey-of-the-test",
  accessKeyId: "id-of-the-test",
  secretAccessKey: "secret-of-the-test",
};

/** Has nothing of this machine's settings come into the tests. */
export function noSettings(t) {
  for (const name of Object.keys(process.env)) {
    if (/^(NHN_CLOUDTRAIL_|AWS_)/.test(name)) {
      delete process.env[name];
    }
  }
  process.env.XDG_CONFIG_HOME = folder(t);
}

async function started(t, python, script, ...args) {
  const child = spawn(python, [join(ROOT, "tests/servers", script), ...args], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  const ended = once(child, "close");
  t.after(async () => {
    child.stdin.end();
    await ended;
  });
  const lines = createInterface(child.stdout);
  const first = await settled(Promise.race([once(lines, "line"), ended]));
  const url = /^ready (http:.*)$/.exec(first[0])?.[1];
  assert.ok(url, `${script} did not start: ${errors}`);
  child.stdout.resume();
  return url;
}

/** A server of the query API, with the options of `cloudtrail_api.py`. */
export async function api(t, ...options) {
  const { appKey, accessKeyId, secretAccessKey } = KEYS;
  const keys = ["--app-key", appKey, "--key-id", accessKeyId, "--secret", secretAccessKey];
  const url = await started(t, PYTHON, "cloudtrail_api.py", ...keys, ...options);
  const control = async (action, body) => {
    const method = body ? "POST" : "GET";
    const answer = await fetch(`${url}/control/${action}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
    });
    assert.equal(answer.status, 200);
    return answer;
  };
  return {
    url,
    client: (more) => new Client({ baseUrl: url, ...KEYS, rate: 1000, ...more }),
    control,
    state: async () => (await control("state")).json(),
    /** The keys of all events, sorted. */
    uuids: async () => (await (await control("uuids")).text()).split("\n").filter(Boolean).sort(),
  };
}

/** Why there is no Swift here; of CI that is a failure. */
export const noSwift =
  !process.env.SWIFT_PYTHON &&
  !process.env.CI &&
  "SWIFT_PYTHON names no interpreter with tests/servers/requirements.txt";

/** A server of Object Storage with a container `audit`. */
export async function swift(t) {
  const python = process.env.SWIFT_PYTHON;
  assert.ok(python, "SWIFT_PYTHON must name an interpreter with tests/servers/requirements.txt");
  const endpoint = await started(t, python, "swift_server.py", folder(t), "0");
  // Objects are put by Swift's own API, so that what reads them is not tested by its own means.
  const login = { "X-Auth-User": "test:tester", "X-Auth-Key": "testing" };
  const { headers } = await fetch(`${endpoint}/auth/v1.0`, { headers: login });
  const [home, token] = ["x-storage-url", "x-auth-token"].map((name) => headers.get(name));
  const put = async (name, body) => {
    const url = `${home}/audit${name && `/${name}`}`;
    const answer = await fetch(url, { method: "PUT", body, headers: { "X-Auth-Token": token } });
    assert.equal(answer.status, 201, `${name}: ${answer.status}`);
  };
  await put("", null);
  return {
    put,
    storage: {
      endpoint,
      region: "kr1",
      accessKeyId: "test:tester",
      secretAccessKey: "testing",
    },
  };
}
