//! `cargo xtask test`: everything that must pass, the way CI runs it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Result, node, package, python, sample};

/// Run everything that must pass: formatting, lints, tests, documentation, fuzz targets, benchmarks,
/// what polars and DuckDB say of our tables, and the Python and the Node package as they are
/// installed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Go on after a step that fails, and fail at the end.
    #[arg(long)]
    keep_going: bool,
}

struct Step {
    name: &'static str,
    command: &'static [&'static str],
    warnings_are_errors: bool,
}

const STEPS: &[Step] = &[
    step("formatting", &["fmt", "--all", "--check"]),
    step(
        "lints",
        &["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"],
    ),
    step("tests", &["test", "--workspace", "--locked", "--no-fail-fast"]),
    Step {
        name: "documentation",
        command: &["doc", "--workspace", "--no-deps", "--locked"],
        warnings_are_errors: true,
    },
    step("fuzz targets", &["check", "--manifest-path", "fuzz/Cargo.toml", "--locked"]),
    step(
        "benchmarks",
        &[
            "check",
            "--manifest-path",
            "benchmarks/Cargo.toml",
            "--target-dir",
            "target/bench/rust",
            "--locked",
        ],
    ),
];

const fn step(name: &'static str, command: &'static [&'static str]) -> Step {
    Step { name, command, warnings_are_errors: false }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let root = crate::root();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut failed = Vec::new();
    println!("== OpenStack Swift, for tests of buckets: tests/servers");
    let requirements = root.join("tests/servers/requirements.txt");
    let swift = python::environment(&root.join("target/servers/python"), &requirements)?;
    for step in STEPS {
        println!("== {}: cargo {}", step.name, step.command.join(" "));
        let mut command = Command::new(&cargo);
        command.args(step.command).current_dir(&root).env("SWIFT_PYTHON", &swift);
        if step.warnings_are_errors {
            command.env("RUSTDOCFLAGS", "--deny warnings");
        }
        if !command.status()?.success() {
            failed.push(step.name);
            if !args.keep_going {
                break;
            }
        }
    }
    if failed.is_empty() || args.keep_going {
        println!("== tables next to those of polars and DuckDB: tests/peers");
        if !peers(&root, &cargo)? {
            failed.push("tests/peers");
        }
    }
    for test in [package::test, node::test] {
        if failed.is_empty() || args.keep_going {
            for (name, error) in test(&root, &swift)? {
                println!("{name}: {error}");
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        println!("== everything passed");
        return Ok(());
    }
    Err(format!("failed: {}", failed.join(", ")).into())
}

/// Compares what the command makes of logs with what others read from them.
fn peers(root: &Path, cargo: &OsStr) -> Result<bool> {
    let tests = root.join("tests/peers");
    let folder = root.join("target/peers");
    let python = python::environment(&folder.join("python"), &tests.join("requirements.txt"))?;
    let log = folder.join("sample.jsonl");
    sample::write_ndjson(&log, 20_000)?;
    let status = Command::new(python)
        .args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"])
        .arg(tests)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NHN_CLOUDTRAIL", command(root, cargo)?)
        .env("SAMPLE", log)
        .status()?;
    Ok(status.success())
}

/// Builds the command as the tests have it, and says where it is.
fn command(root: &Path, cargo: &OsStr) -> Result<PathBuf> {
    #[derive(serde::Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }

    let output = Command::new(cargo)
        .args(["build", "--profile", "test", "--locked", "--package", "nhn-cloudtrail-cli"])
        .args(["--bin", "nhn-cloudtrail", "--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()?;
    let messages = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Message>();
    let built = messages.filter_map(|message| message.ok()?.executable).last();
    Ok(built.ok_or("the command does not build")?)
}
