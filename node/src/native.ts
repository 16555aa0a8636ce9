import type * as Native from "../native";
import { CloudTrailError, type ErrorCode } from "./errors";

// Not an import: the file is made by napi-rs, beside the folder that this one is compiled to.
const native: typeof Native = require("../native.js");

native.setError(errorOf);

/** The error that the native module tells of. */
export function errorOf({ message, ...details }: Native.Failure): CloudTrailError {
  return new CloudTrailError(message, { ...details, code: details.code as ErrorCode });
}

/**
 * What `inspect` made of values, without characters that cannot be seen. It escapes those of ASCII itself,
 * and its colours are some.
 */
export function visible(text: string): string {
  return text.replace(/[^\0-\x7f]+/g, (part) => native.printable(part));
}

export default native;
export type { Native };
