//! The `nhn-cloudtrail` command as a library: [`run`] takes arguments and gives an exit status.
//!
//! Nothing in it ends the process, installs a signal handler, or leaves something behind that a
//! second call would trip over. [`main`] does, for the binary and for the command of the Python
//! package, whose process is the command's.
//!
//! ```no_run
//! use nhn_cloudtrail_cli::{Interrupt, run};
//!
//! let status = run(["nhn-cloudtrail", "read", "logs/"].map(Into::into), &Interrupt::default());
//! assert_eq!(status, nhn_cloudtrail_cli::ALL_READ);
//! ```
//!
//! `args` says what can be asked for; `read`, `convert`, `stats`, `sql`, `collect`, `archive` and `catalog` do it. Beneath them,
//! `input` takes events or rows from sources and sees to rejects and progress, `output` writes to
//! standard output or to a file that appears only when it is whole, `rows` writes Parquet and Arrow,
//! `table` aligns text for people.

mod archive;
mod args;
mod catalog;
mod check;
mod collect;
mod context;
mod convert;
mod counter;
mod csv;
mod filters;
mod head_file;
mod input;
mod operations;
mod output;
mod progress;
mod prometheus;
mod read;
mod rows;
mod signals;
mod sql;
mod stats;
mod table;
mod time;

use std::ffi::OsString;
use std::sync::{Mutex, Once, PoisonError};

use clap::{CommandFactory, FromArgMatches};

use args::{Args, Command};
use context::{Context, Stop};
pub use output::Interrupt;
pub use sql::{Sql, SqlQuery, SqlResult, SqlRows};

/// Exit status: everything was read, or the command did what it was asked to.
pub const ALL_READ: u8 = 0;
/// Exit status: some records were rejected; of `collect`: something is missing; of `archive verify`:
/// something is not as recorded; of `catalog diff`: there are differences; of other `catalog` commands:
/// some of what was asked for was not found.
pub const SOME_REJECTED: u8 = 1;
/// Exit status: the command could not run, or a source could not be read.
pub const COULD_NOT_RUN: u8 = 2;
/// Exit status of `archive status --check`: something is missing.
pub const GAPS: u8 = 3;
/// Exit status of `archive status --check`: the last run ended too long ago.
pub const OUT_OF_DATE: u8 = 4;
/// Exit status of `archive status --check`: a run has held the archive's lock for too long.
pub const STUCK: u8 = 5;
/// Exit status: stopped by an [`Interrupt`].
pub const INTERRUPTED: u8 = 130;

/// Runs the command with `args`, the first of which is the name it was called by.
///
/// Results go to standard output, everything else to standard error. `interrupt` stops the run from
/// another thread.
pub fn run(args: impl IntoIterator<Item = OsString>, interrupt: &Interrupt) -> u8 {
    run_with(args, interrupt, None)
}

fn run_with(
    args: impl IntoIterator<Item = OsString>,
    interrupt: &Interrupt,
    sql: Option<&dyn Sql>,
) -> u8 {
    let command = Args::command().long_version(args::long_version());
    let args =
        command.try_get_matches_from(args).and_then(|matches| Args::from_arg_matches(&matches));
    let args = match args {
        Ok(args) => args,
        Err(error) => {
            context::print(&error);
            // Help and versions are asked for; anything else is a usage error.
            return if error.use_stderr() { COULD_NOT_RUN } else { ALL_READ };
        }
    };
    let context = match Context::new(&args.global, interrupt) {
        Ok(context) => context,
        Err(stop) => return context::report(&args.global, stop),
    };
    let status = match &args.command {
        Command::Read(read) => read::run(&context, read),
        Command::Convert(convert) => convert::run(&context, convert),
        Command::Stats(stats) => stats::run(&context, stats),
        Command::Sql(args) => sql::run(&context, args, sql),
        Command::Collect(args) => collect::run(&context, args),
        Command::Archive(command) => archive::run(&context, command),
        Command::Catalog(catalog) => catalog::run(&context, catalog),
        Command::Completions { shell } => completions(&context, *shell),
    };
    status.unwrap_or_else(|stop| context::report(&args.global, stop))
}

/// Runs the command in a process that is its own, which ends at once when it is interrupted; with
/// somebody to run SQL, where there is one.
///
/// Nothing is left half-written: see [`Interrupt::raise`].
pub fn main(args: impl IntoIterator<Item = OsString>, sql: Option<&dyn Sql>) -> u8 {
    static CURRENT: Mutex<Option<Interrupt>> = Mutex::new(None);
    static INSTALLED: Once = Once::new();
    nhn_cloudtrail_arrow::hide_caught_panics();
    let current = || CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    let interrupt = Interrupt::default();
    *current() = Some(interrupt.clone());
    // The handler of a run before does for this one too.
    INSTALLED.call_once(|| {
        signals::on_end(move || {
            if let Some(interrupt) = &*current() {
                interrupt.raise();
            }
            std::process::exit(INTERRUPTED.into());
        });
    });
    run_with(args, &interrupt, sql)
}

fn completions(context: &Context<'_>, shell: clap_complete::Shell) -> Result<u8, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "nhn-cloudtrail", &mut script);
    let mut output = context.output(None)?;
    output.write_data(&script)?;
    output.finish()?;
    Ok(ALL_READ)
}
