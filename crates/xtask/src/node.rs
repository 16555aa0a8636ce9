//! The Node package, tested as its users have it: built, packed, installed from the tarball, and with
//! every version of Node that it supports.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::Result;
use crate::python::run;

/// Versions of Node besides the machine's, from their packages of npm. `JSON.parse` of Node 24 before
/// 24.22 may take one escaped key for another (nodejs/node#63785), of which the tests' data has some.
const VERSIONS: [&str; 2] = ["22.23.3", "24.22.x"];

/// What napi-rs makes is checked in, so that its changes are seen.
const GENERATED: [&str; 2] = ["native.js", "native.d.ts"];

/// Node's own runner, with the closing lines that anybody can read.
const TEST: [&str; 2] = ["--test", "--test-reporter=tap"];

const SMOKE_ESM: &str = "\
import { catalog, CloudTrailError, parse, read } from 'nhn-cloudtrail';\n\
import { createRequire } from 'node:module';\n\
const [event] = parse('{\"eventId\":\"event_id.iaas.instance.delete\"}');\n\
if (event.name('en') !== 'Delete Instance') throw event;\n\
for await (const one of read(Buffer.from('{\"eventId\":\"a\"}'))) if (one.known) throw one;\n\
const required = createRequire(import.meta.url)('nhn-cloudtrail');\n\
if (required.CloudTrailError !== CloudTrailError || catalog.size !== 2248) throw required;\n";

const SMOKE_TYPES: &str = "\
import { type KnownEventId, parse } from 'nhn-cloudtrail';\n\
const id: KnownEventId = 'event_id.iaas.instance.delete';\n\
// @ts-expect-error it is misspelt\n\
const misspelt: KnownEventId = 'event_id.iaas.instance.delet';\n\
export const names: (string | null)[] = parse(`{\"eventId\":\"${id}\"}`).map((event) => event.name());\n\
export { misspelt };\n";

/// Where it is tested.
struct Place {
    root: PathBuf,
    package: PathBuf,
    /// What is made, under `target/node`.
    folder: PathBuf,
    /// A Python with OpenStack Swift.
    swift: PathBuf,
}

/// What failed, and why.
pub(crate) fn test(
    root: &Path,
    swift: &Path,
) -> Result<Vec<(&'static str, Box<dyn std::error::Error>)>> {
    let folder = root.join("target/node");
    fs::create_dir_all(&folder)?;
    let swift = swift.to_owned();
    let place = Place { root: root.to_owned(), package: root.join("node"), folder, swift };
    let mut failed = Vec::new();
    let mut step = |name, done: Result<()>| failed.extend(done.err().map(|error| (name, error)));
    println!("== Node: the package, built as `npm ci` builds it");
    step("node", place.fresh());
    println!("== Node: formatting, lints and types");
    step("node: lint", run(&mut place.npm(&["run", "--silent", "lint"])));
    step("node: types", run(&mut place.npm(&["run", "--silent", "types"])));
    println!("== Node: tests");
    step("node/test", place.tests("node".as_ref()));
    for version in VERSIONS {
        println!("== Node: tests with Node {version}");
        step("node/test with another Node", place.version(version, |node| place.tests(node)));
    }
    println!("== Node: the tarball in an empty project, and in the example service");
    step("node: tarball", place.tarball());
    Ok(failed)
}

/// Installs what building needs, and builds.
pub(crate) fn build(root: &Path) -> Result<()> {
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(root.join("node")))
}

impl Place {
    fn npm(&self, arguments: &[&str]) -> Command {
        let mut npm = Command::new("npm");
        npm.args(arguments).current_dir(&self.package);
        npm
    }

    /// Builds, and finds what was checked in to be what is built.
    fn fresh(&self) -> Result<()> {
        let read = || GENERATED.map(|name| fs::read_to_string(self.package.join(name)).ok());
        let before = read();
        build(&self.root)?;
        match before == read() {
            true => Ok(()),
            false => Err(format!("{} were stale, and are not now", GENERATED.join(" or ")).into()),
        }
    }

    fn tests(&self, node: &OsStr) -> Result<()> {
        let mut files = Vec::new();
        for file in fs::read_dir(self.package.join("test"))?.collect::<io::Result<Vec<_>>>()? {
            if file.file_name().to_string_lossy().ends_with(".test.mjs") {
                files.push(file.path());
            }
        }
        files.sort();
        let mut tests = Command::new(node);
        tests.args(TEST).args(files).env("SWIFT_PYTHON", &self.swift);
        tap(tests.current_dir(&self.package))
    }

    /// Does something with another version of Node.
    fn version(&self, version: &str, work: impl FnOnce(&OsStr) -> Result<()>) -> Result<()> {
        let machine = match std::env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            other => return Err(format!("npm has no Node for {other}").into()),
        };
        let package = format!("node-{}-{machine}", std::env::consts::OS);
        let folder = self.folder.join(version);
        let node = folder.join("node_modules").join(&package).join("bin/node");
        if !node.exists() {
            let what = format!("{package}@{version}");
            run(self
                .npm(&["install", "--no-audit", "--no-fund", "--prefix"])
                .arg(&folder)
                .arg(what))?;
        }
        work(node.as_os_str())
    }

    /// Packs the package, has those who judge packages judge it, and installs it elsewhere.
    fn tarball(&self) -> Result<()> {
        for name in ["empty", "service"] {
            match fs::remove_dir_all(self.folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => fs::create_dir(self.folder.join(name))?,
            }
        }
        // It was built, so it is not built once more for this.
        let pack = ["pack", "--silent", "--ignore-scripts", "--pack-destination"];
        run(self.npm(&pack).arg(&self.folder))?;
        let tarball = self.folder.join(format!("nhn-cloudtrail-{}.tgz", env!("CARGO_PKG_VERSION")));
        run(self.npm(&["exec", "--", "publint", "--strict"]).arg(&tarball))?;
        run(self.npm(&["exec", "--", "attw"]).arg(&tarball))?;

        let empty = self.folder.join("empty");
        fs::write(empty.join("package.json"), "{}")?;
        self.install(&tarball, &empty)?;
        fs::write(empty.join("smoke.mjs"), SMOKE_ESM)?;
        run(Command::new("node").arg("smoke.mjs").current_dir(&empty))?;
        let require =
            "require('nhn-cloudtrail').parse('{\"eventId\":1}')[0].known && process.exit(1)";
        run(Command::new("node").args(["-e", require]).current_dir(&empty))?;
        for name in ["types.mts", "types.cts"] {
            fs::write(empty.join(name), SMOKE_TYPES)?;
            let tsc = [
                "exec",
                "--",
                "tsc",
                "--ignoreConfig",
                "--strict",
                "--noEmit",
                "--module",
                "node16",
            ];
            run(self.npm(&tsc).args(["--types", "node"]).arg(empty.join(name)))?;
        }

        let example = self.root.join("examples/node-service");
        let service = self.folder.join("service");
        for file in fs::read_dir(example)?.collect::<io::Result<Vec<_>>>()? {
            // A lock that somebody's own installation has left knows of another place.
            if file.file_type()?.is_file() && file.file_name() != "package-lock.json" {
                fs::copy(file.path(), service.join(file.file_name()))?;
            }
        }
        self.install(&tarball, &service)?;
        tap(Command::new("node")
            .args(TEST)
            .env("EXAMPLES", self.root.join("examples"))
            .current_dir(&service))
    }

    /// Installs the tarball as anybody would.
    fn install(&self, tarball: &Path, project: &Path) -> Result<()> {
        let install = ["install", "--no-audit", "--no-fund"];
        run(Command::new("npm").args(install).arg(tarball).current_dir(project))
    }
}

/// Runs tests, and shows how many there were; all of what they say where one fails.
fn tap(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        let counts = text.lines().rev().take_while(|line| line.starts_with("# "));
        let counts: Vec<&str> = counts.collect();
        println!("{}", counts.into_iter().rev().collect::<Vec<_>>().join("\n"));
        return Ok(());
    }
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    Err(format!("{command:?}: {}", output.status).into())
}
