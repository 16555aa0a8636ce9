//! Chores of the workspace: `cargo xtask <task>`.
//!
//! A task is a file of its own with an `Args` and a `run`; it is added by a line in each of the
//! three places below.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod generate;
mod node;
mod package;
mod python;
mod sample;
mod test;

/// What a task gives back: a failure is a sentence for whoever ran it.
pub(crate) type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Chores of the nhn-cloudtrail workspace")]
struct Command {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure against the peers, and write the table of ratios.
    Bench(bench::Args),
    /// Write the generated tables anew from the catalog's data files.
    Generate(generate::Args),
    /// Write a log that looks real, or `examples/logs` anew.
    Sample(sample::Args),
    /// Run everything that must pass.
    Test(test::Args),
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_path_buf()
}

fn main() -> ExitCode {
    let outcome = match Command::parse().task {
        Task::Bench(args) => bench::run(&args),
        Task::Generate(args) => generate::run(&args),
        Task::Sample(args) => sample::run(&args),
        Task::Test(args) => test::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
