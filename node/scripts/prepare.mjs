// Builds the package where it is installed from its folder, or packed. Whoever installs the tarball has
// no sources, and needs none of this. Another project that installs the folder does not bring what is
// needed for building, so that is fetched here.
import { execSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "..");
const run = (command) => execSync(command, { cwd: folder, stdio: "inherit" });

if (existsSync(join(folder, "../bindings/node/Cargo.toml"))) {
  if (!existsSync(join(folder, "node_modules/@napi-rs/cli"))) {
    run("npm ci --ignore-scripts");
  }
  run("npm run build");
}
