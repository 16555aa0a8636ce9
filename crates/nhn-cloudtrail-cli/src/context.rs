//! What every subcommand needs: catalog, language, the terminal, and how a run ends early.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use nhn_cloudtrail::catalog::{Catalog, Lang};
use nhn_cloudtrail::{Error, Target, Waiting, check_target, printable};

use crate::args::{ColorChoice, GlobalArgs};
use crate::output::{Interrupt, Output};
use crate::{ALL_READ, COULD_NOT_RUN, INTERRUPTED};

/// Why a run ends before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something is wrong: what and where, and what to do about it.
    Failed { what: String, help: Option<String> },
    /// Nobody reads the output any more, as in `... | head`.
    ClosedPipe,
    /// An [`Interrupt`] was raised.
    Interrupted,
}

impl Stop {
    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Stop::Failed { what: what.into(), help: None }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        match self {
            Stop::Failed { what, .. } => Stop::Failed { what, help: Some(help.into()) },
            other => other,
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::failed(error.to_string())
    }
}

/// What every subcommand needs.
pub(crate) struct Context<'a> {
    pub(crate) catalog: Catalog,
    pub(crate) lang: Lang,
    pub(crate) interrupt: &'a Interrupt,
    color: ColorChoice,
}

impl<'a> Context<'a> {
    pub(crate) fn new(global: &GlobalArgs, interrupt: &'a Interrupt) -> Result<Self, Stop> {
        let mut catalog = Catalog::builtin();
        for path in &global.catalog_overlay {
            let tsv = read_whole(path)?;
            catalog = catalog.with_overlay(tsv).map_err(|error| {
                let line = error.position().map_or(0, |position| position.line);
                let place = if line > 0 { format!(", line {line}") } else { String::new() };
                Stop::failed(format!("{}{place}: {}", path.display(), error.message()))
            })?;
        }
        Ok(Self { catalog, lang: global.lang, interrupt, color: global.color })
    }

    /// Where results go: a file, or standard output for none and `-`.
    pub(crate) fn output(&self, path: Option<&Path>) -> Result<Output, Stop> {
        Output::open(path, self.interrupt, self.color)
    }

    /// The same for what is made of `sources`: it must become none of them.
    pub(crate) fn output_of(
        &self,
        sources: &[PathBuf],
        path: Option<&Path>,
    ) -> Result<Output, Stop> {
        let path = path.filter(|path| *path != Path::new("-"));
        check_target(sources, path.map_or(Target::Stdout, Target::File))?;
        self.output(path)
    }

    pub(crate) fn warnings(&self) -> Warnings {
        Warnings { color: colored(self.color, &io::stderr()) }
    }
}

/// The longest wait for a non-blocking standard error that is full: results must not wait for a
/// program that does not read messages.
const MAX_STDERR_WAIT: Duration = Duration::from_secs(1);
/// Whether standard error was waited for in vain.
static UNREAD: AtomicBool = AtomicBool::new(false);

/// Standard error, for what is said beside the result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Warnings {
    color: bool,
}

impl Warnings {
    /// Says one thing, with a coloured word in front of it.
    pub(crate) fn say(self, label: &str, style: Style, text: &str) {
        let text = printable(text);
        let line = match (label, self.color) {
            ("", _) => format!("{text}\n"),
            (_, true) => format!("{style}{label}:{style:#} {text}\n"),
            (_, false) => format!("{label}: {text}\n"),
        };
        // A closed standard error is not an error.
        let limit = if UNREAD.load(Ordering::Relaxed) { Duration::ZERO } else { MAX_STDERR_WAIT };
        let told = Waiting::with_limit(io::stderr().lock(), limit).write_all(line.as_bytes());
        let unread = told.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut);
        UNREAD.store(unread, Ordering::Relaxed);
    }

    pub(crate) fn error(self, what: &str) {
        self.say("error", AnsiColor::Red.on_default().bold(), what);
    }

    pub(crate) fn warn(self, what: &str) {
        self.say("warning", AnsiColor::Yellow.on_default().bold(), what);
    }

    pub(crate) fn note(self, what: &str) {
        self.say("", Style::new(), what);
    }
}

/// Tells why a run ended early, and gives its exit status.
pub(crate) fn report(global: &GlobalArgs, stop: Stop) -> u8 {
    match stop {
        Stop::Failed { what, help } => {
            let warnings = Warnings { color: colored(global.color, &io::stderr()) };
            warnings.error(&what);
            if let Some(help) = help {
                warnings.note(&format!("  {help}"));
            }
            COULD_NOT_RUN
        }
        Stop::ClosedPipe => ALL_READ,
        Stop::Interrupted => INTERRUPTED,
    }
}

/// Prints help, a version, or what is wrong with the arguments.
pub(crate) fn print(error: &clap::Error) {
    let text = error.render();
    // A closed stream is not an error.
    let _ = if error.use_stderr() {
        let color = colored(ColorChoice::Auto, &io::stderr());
        let text = if color { text.ansi().to_string() } else { text.to_string() };
        Waiting::with_limit(io::stderr(), MAX_STDERR_WAIT).write_all(text.as_bytes())
    } else {
        let color = colored(ColorChoice::Auto, &io::stdout());
        let text = if color { text.ansi().to_string() } else { text.to_string() };
        let mut stdout = Waiting::new(io::stdout());
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
    };
}

/// Whether a stream gets colours.
pub(crate) fn colored(choice: ColorChoice, stream: &impl anstream::stream::RawStream) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            stream.is_terminal()
                && anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
        }
    }
}

/// More than any overlay or event list has, so that a wrong path cannot take all memory.
const WHOLE: u64 = 64 << 20;

/// The bytes of a small file; `-` is standard input.
pub(crate) fn read_whole(path: &Path) -> Result<Vec<u8>, Stop> {
    let wrong =
        |error: io::Error| Stop::failed(format!("{}: cannot be read: {error}", path.display()));
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        Waiting::new(io::stdin()).take(WHOLE + 1).read_to_end(&mut bytes).map_err(wrong)?;
    } else {
        let file = std::fs::File::open(path).map_err(wrong)?;
        file.take(WHOLE + 1).read_to_end(&mut bytes).map_err(wrong)?;
    }
    if bytes.len() as u64 > WHOLE {
        return Err(Stop::failed(format!(
            "{}: larger than 64 MiB, which no catalog data is",
            path.display()
        )));
    }
    Ok(bytes)
}

/// A count for people: `1,234,567`.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 reject`, `2 rejects`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(count))
}
