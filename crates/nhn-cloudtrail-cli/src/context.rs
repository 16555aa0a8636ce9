//! What every subcommand needs: catalog, language, the terminal, and how a run ends early.

use std::io::{self, Read, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use nhn_cloudtrail::catalog::{Catalog, Lang};
use nhn_cloudtrail::{Error, printable};

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

    pub(crate) fn warnings(&self) -> Warnings {
        Warnings { color: colored(self.color, &io::stderr()) }
    }
}

/// Standard error, for what is said beside the result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Warnings {
    color: bool,
}

impl Warnings {
    /// Says one thing, with a coloured word in front of it.
    pub(crate) fn say(self, label: &str, style: Style, text: &str) {
        let mut stderr = io::stderr().lock();
        // Where standard error is closed there is nobody to tell.
        let _ = match (label, self.color) {
            ("", _) => writeln!(stderr, "{}", printable(text)),
            (_, true) => writeln!(stderr, "{style}{label}:{style:#} {}", printable(text)),
            (_, false) => writeln!(stderr, "{label}: {}", printable(text)),
        };
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
        io::stdin().lock().take(WHOLE + 1).read_to_end(&mut bytes).map_err(wrong)?;
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
