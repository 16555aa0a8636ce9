//! `cargo xtask bench`: ours and the peers, on the same data, in one run.
//!
//! The data is made from a seed, the peers come in pinned versions in an environment of their own.
//! Contenders of a group take turns, each time in a fresh process, so that what disturbs the machine
//! disturbs all of them.

mod data;
mod groups;
mod report;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::{Result, node, python};
use groups::{Contender, GROUPS, Group, Program};

/// What to measure, and how often.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many events the whole log has.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
    events: u64,
    /// How often each contender runs.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Only this group; can be given several times.
    #[arg(long, value_name = "GROUP", value_parser = GROUPS.iter().map(|group| group.name).collect::<Vec<_>>())]
    only: Vec<String>,
    /// A tenth of the data and three rounds: for a look, not for figures.
    #[arg(long, conflicts_with_all = ["events", "rounds", "publish"])]
    quick: bool,
    /// Where the report goes.
    #[arg(long, value_name = "FILE", default_value = "target/bench/report.md")]
    out: PathBuf,
    /// Write the report to `docs/benchmarks.md`.
    #[arg(long, conflicts_with_all = ["out", "only"])]
    publish: bool,
}

/// What one run of a contender came to.
#[derive(Clone, Debug, Deserialize)]
struct Outcome {
    seconds: f64,
    peak_mb: f64,
    rows: u64,
    /// What all contenders that say it must agree on.
    check: Option<u64>,
    bytes: Option<u64>,
    /// How late the event loop was, in the worst hundredth of all cases.
    delay_ms: Option<f64>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let root = crate::root();
    let (events, rounds) = if args.quick { (100_000, 3) } else { (args.events, args.rounds) };
    let bench = Bench {
        data: root.join("target/bench/data"),
        events,
        rust: build(&root)?,
        python: package(&root)?,
        root: root.clone(),
    };
    node::build(&root)?;
    let mut results = Vec::new();
    for group in GROUPS {
        if args.only.is_empty() || args.only.iter().any(|only| only == group.name) {
            results.push((group, bench.measure(group, rounds)?));
        }
    }
    let report = report::markdown(&root, events, rounds, &results)?;
    let out = root.join(if args.publish { Path::new("docs/benchmarks.md") } else { &args.out });
    fs::write(&out, report).map_err(|error| format!("{}: {error}", out.display()))?;
    print!("{}", report::targets(&results));
    println!("the report is in {}", out.display());
    Ok(())
}

/// Builds the contenders in Rust, the way a release is built.
fn build(root: &Path) -> Result<PathBuf> {
    let target = root.join("target/bench/rust");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(root.join("benchmarks/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status()?;
    if !status.success() {
        return Err("the contenders in Rust do not build".into());
    }
    Ok(target.join("release/nhn-cloudtrail-benchmarks"))
}

/// The interpreter of an environment with the peers, and our package as it is now.
fn package(root: &Path) -> Result<PathBuf> {
    let python = python::environment(
        &root.join("target/bench/python"),
        &root.join("benchmarks/requirements.txt"),
    )?;
    let wheel = python::wheel(root, &python, &root.join("target/bench/wheel"))?;
    python::install(
        &python,
        &["--force-reinstall".as_ref(), "--no-deps".as_ref(), wheel.as_os_str()],
    )?;
    Ok(python)
}

/// What is needed to run a contender.
struct Bench {
    data: PathBuf,
    events: u64,
    rust: PathBuf,
    python: PathBuf,
    root: PathBuf,
}

impl Bench {
    /// The outcomes of each contender, in the order of the group.
    fn measure(&self, group: &Group, rounds: u64) -> Result<Vec<Vec<Outcome>>> {
        println!("== {}: {}", group.name, group.title);
        for contender in group.contenders {
            // A file that is in memory already is as fast for the first as for the last.
            io::copy(&mut File::open(self.file(contender)?)?, &mut io::sink())?;
        }
        let mut outcomes = vec![Vec::new(); group.contenders.len()];
        for round in 1..=rounds {
            for (contender, outcomes) in group.contenders.iter().zip(&mut outcomes) {
                let outcome = self.once(contender)?;
                println!(
                    "{round}  {:<56} {:>9.3} s {:>7.0} MB",
                    contender.label, outcome.seconds, outcome.peak_mb
                );
                outcomes.push(outcome);
            }
        }
        agree(group, &outcomes)?;
        Ok(outcomes)
    }

    fn file(&self, contender: &Contender) -> Result<PathBuf> {
        let events = if contender.data.whole { self.events } else { self.events / 10 };
        data::file(&self.data, contender.data.shape, events)
    }

    fn once(&self, contender: &Contender) -> Result<Outcome> {
        let mut command = match contender.program {
            Program::Rust => Command::new(&self.rust),
            Program::Python => {
                let mut command = Command::new(&self.python);
                command.arg(self.root.join("benchmarks/peers.py"));
                command
            }
            Program::Node => {
                let mut command = Command::new("node");
                // Where the package is found.
                command
                    .arg(self.root.join("benchmarks/peers.mjs"))
                    .current_dir(self.root.join("node"));
                command
            }
        };
        command.arg(contender.name).arg(self.file(contender)?).arg(contender.threads.to_string());
        let output = command.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("{}: {}", contender.label, output.status).into());
        }
        Ok(serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("{}: {error}", contender.label))?)
    }
}

/// Whoever found something else did something else, and cannot be compared.
fn agree(group: &Group, outcomes: &[Vec<Outcome>]) -> Result<()> {
    let all = || group.contenders.iter().zip(outcomes);
    for (contender, outcomes) in all() {
        for (other, others) in all().filter(|(other, _)| other.data == contender.data) {
            for (one, two) in outcomes.iter().zip(others) {
                let checks = one.check.zip(two.check);
                if one.rows != two.rows || checks.is_some_and(|(one, two)| one != two) {
                    let (one_by, two_by) = (contender.label, other.label);
                    return Err(format!("{one_by} found {one:?}, {two_by} {two:?}").into());
                }
            }
        }
    }
    Ok(())
}
