//! `cargo xtask test`: everything that must pass, the way CI runs it.

use std::path::Path;
use std::process::Command;

/// Run everything that must pass: formatting, lints, tests, documentation, fuzz targets.
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
];

const fn step(name: &'static str, command: &'static [&'static str]) -> Step {
    Step { name, command, warnings_are_errors: false }
}

pub(crate) fn run(args: &Args) -> crate::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("no workspace")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut failed = Vec::new();
    for step in STEPS {
        println!("== {}: cargo {}", step.name, step.command.join(" "));
        let mut command = Command::new(&cargo);
        command.args(step.command).current_dir(root);
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
    if failed.is_empty() {
        println!("== everything passed");
        return Ok(());
    }
    Err(format!("failed: {}", failed.join(", ")).into())
}
