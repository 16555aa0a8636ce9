import type * as Native from "../native";
import { CloudTrailError, type ErrorCode } from "./errors";

// Not an import: the file is made by napi-rs, beside the folder that this one is compiled to.
const native: typeof Native = require("../native.js");

native.setError(
  ({ message, ...details }) =>
    new CloudTrailError(message, { ...details, code: details.code as ErrorCode }),
);

export default native;
export type { Native };
