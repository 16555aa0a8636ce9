//! The Python package, tested as its users have it: built from the source distribution, and installed
//! from the file that came of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::Result;
use crate::python::{self, run};
use crate::sample;

/// No wheel may be larger.
const LARGEST: u64 = 10_000_000;

/// Where it is tested, under `target/python`.
struct Place {
    root: PathBuf,
    folder: PathBuf,
    tests: PathBuf,
    /// An environment with all tools.
    python: PathBuf,
    /// One with OpenStack Swift.
    swift: PathBuf,
}

/// What failed, and why.
pub(crate) fn test(
    root: &Path,
    swift: &Path,
) -> Result<Vec<(&'static str, Box<dyn std::error::Error>)>> {
    let (folder, tests) = (root.join("target/python"), root.join("python/tests"));
    let requirements = tests.join("requirements.txt");
    let python = python::environment(&folder.join("newest"), &requirements)?;
    let place = Place { root: root.to_owned(), folder, tests, python, swift: swift.to_owned() };
    let mut failed = Vec::new();
    let mut step = |name, done: Result<()>| failed.extend(done.err().map(|error| (name, error)));

    println!("== Python: formatting and lints");
    step("ruff", place.ruff());
    println!("== Python: the package, from its source distribution");
    let wheel = place.wheel(&place.python, "sdist")?;
    step("wheel", place.audit(&wheel));
    println!("== Python: tests with the newest packages");
    step("python/tests", place.pytest(&place.python, &wheel, &[], &[]));
    println!("== Python: tests with the oldest packages");
    step("python/tests with the oldest packages", place.oldest(&wheel));
    println!("== Python: tests with Spark");
    step("python/tests/spark", place.spark(&wheel));
    match free_threaded() {
        Some(interpreter) => {
            println!("== Python: tests without the GIL");
            step("python/tests without the GIL", place.without_gil(interpreter));
        }
        None => println!("== Python: no free-threaded interpreter here, so not tested with one"),
    }
    Ok(failed)
}

/// Sees to it that there is a Java, which Spark runs on: where there is none, Debian's.
fn java() -> Result<()> {
    if Command::new("java").arg("-version").output().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    let apt = |arguments: &[&str]| run(Command::new("apt-get").arg("--quiet").args(arguments));
    let installed = apt(&["update"]).and_then(|()| {
        apt(&["install", "--yes", "--no-install-recommends", "default-jre-headless"])
    });
    installed
        .map_err(|error| format!("Spark wants Java 17 or newer, and there is none: {error}").into())
}

/// The interpreter of a Python without the GIL, where there is one.
fn free_threaded() -> Option<&'static str> {
    ["python3.15t", "python3.14t"].into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    })
}

impl Place {
    fn ruff(&self) -> Result<()> {
        for check in [["check", "--no-cache"], ["format", "--check"]] {
            let mut ruff = Command::new(&self.python);
            run(ruff.args(["-m", "ruff"]).args(check).arg(self.root.join("python")))?;
        }
        Ok(())
    }

    /// Builds a source distribution and, of nothing but it, a wheel for an interpreter.
    fn wheel(&self, interpreter: &Path, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let maturin = || {
            let mut maturin = Command::new(&self.python);
            maturin.args(["-m", "maturin"]);
            maturin
        };
        run(maturin().args(["sdist", "--out"]).arg(&folder).current_dir(self.root.join("python")))?;
        let archive = python::built(&folder, "gz")?;
        run(Command::new("tar").arg("-xzmf").arg(&archive).arg("-C").arg(&folder))?;
        let source = archive.with_extension("").with_extension("");
        let wheels = folder.join("wheel");
        run(maturin()
            // Not locked: the lock file has the crates too that the package leaves out.
            .args(["build", "--release", "--out"])
            .arg(&wheels)
            .arg("--interpreter")
            .arg(interpreter)
            // What it depends on need not be built again.
            .env("CARGO_TARGET_DIR", self.root.join("target"))
            .current_dir(source))?;
        python::built(&wheels, "whl")
    }

    /// Whether the wheel is what it says: for every Python from 3.11 on, and for Linux at large.
    fn audit(&self, wheel: &Path) -> Result<()> {
        run(Command::new(&self.python).args(["-m", "abi3audit", "--strict"]).arg(wheel))?;
        run(Command::new(&self.python).args(["-m", "auditwheel", "show"]).arg(wheel))?;
        let size = fs::metadata(wheel)?.len();
        println!("{}: {size} bytes", wheel.display());
        if size > LARGEST { Err(format!("larger than {LARGEST} bytes").into()) } else { Ok(()) }
    }

    fn pytest(
        &self,
        python: &Path,
        wheel: &Path,
        tests: &[&str],
        environment: &[(&str, &Path)],
    ) -> Result<()> {
        let again = ["--force-reinstall", "--no-deps"].map(OsStr::new);
        python::install(python, &[again.as_slice(), &[wheel.as_os_str()]].concat())?;
        let mut pytest = Command::new(python);
        pytest.args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
        match tests {
            [] => pytest.arg(&self.tests),
            tests => pytest.args(tests.iter().map(|test| self.tests.join(test))),
        };
        pytest.envs(environment.iter().copied()).env("PYTHONDONTWRITEBYTECODE", "1");
        pytest.env("SWIFT_PYTHON", &self.swift);
        // Not where the package's source would be found instead of the package.
        run(pytest.current_dir(&self.folder))
    }

    /// Tests what touches other packages with the oldest that the README names.
    fn oldest(&self, wheel: &Path) -> Result<()> {
        let requirements = self.tests.join("requirements-oldest.txt");
        let python = python::environment(&self.folder.join("oldest"), &requirements)?;
        self.pytest(&python, wheel, &["test_tables.py", "test_sql.py"], &[])
    }

    /// Tests the package in a Spark of two workers, with a log of a gigabyte.
    fn spark(&self, wheel: &Path) -> Result<()> {
        java()?;
        let requirements = self.tests.join("spark/requirements.txt");
        let python = python::environment(&self.folder.join("spark"), &requirements)?;
        let log = self.folder.join("gigabyte.jsonl");
        sample::write_ndjson(&log, 850_000)?;
        let tested = self.pytest(&python, wheel, &["spark"], &[("SAMPLE", &log)]);
        fs::remove_file(log)?;
        tested
    }

    /// Tests the package as it is built for a Python without the GIL, which knows no stable ABI.
    fn without_gil(&self, interpreter: &str) -> Result<()> {
        let folder = self.folder.join("free-threaded");
        let python = folder.join("bin/python");
        if !python.exists() {
            run(Command::new(interpreter).args(["-m", "venv"]).arg(&folder))?;
        }
        python::install(&python, &["pytest", "hypothesis"].map(OsStr::new))?;
        let wheel = self.wheel(&python, "sdist-free-threaded")?;
        let tests = ["test_cases.py", "test_event.py", "test_sources.py", "test_threads.py"];
        self.pytest(&python, &wheel, &tests, &[])
    }
}
