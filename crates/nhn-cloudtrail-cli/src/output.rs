//! Results go to standard output, or to a file that appears under its name only when it is whole.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nhn_cloudtrail::printable;
use tempfile::NamedTempFile;

use crate::args::ColorChoice;
use crate::context::{Stop, colored};

/// Stops a run from another thread, such as that of a signal handler.
///
/// Cloning gives another handle on the same run.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Default)]
struct State {
    /// Set under the lock on `unfinished`.
    raised: AtomicBool,
    /// Files that are being written, under the names that they have meanwhile.
    unfinished: Mutex<Vec<PathBuf>>,
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt").field("raised", &self.is_raised()).finish()
    }
}

impl Interrupt {
    /// Removes the files that are not whole yet, and makes the run end with
    /// [`INTERRUPTED`](crate::INTERRUPTED) at its next event.
    ///
    /// Once this returns the process may exit: no file is left half, and no new one begins.
    pub fn raise(&self) {
        let mut unfinished = self.unfinished();
        self.0.raised.store(true, Ordering::Release);
        for path in unfinished.drain(..) {
            // It may be gone already.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Whether [`raise`](Self::raise) was called.
    pub fn is_raised(&self) -> bool {
        self.0.raised.load(Ordering::Acquire)
    }

    fn unfinished(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        // A panic elsewhere leaves a list that is still right.
        self.0.unfinished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An empty file, of mode 0600, in the folder of `target`.
    fn begin_file(&self, target: &Path) -> Result<NamedTempFile, Stop> {
        // INVARIANT: under the lock, so that every file that exists is known to `raise`.
        let mut unfinished = self.unfinished();
        if self.is_raised() {
            return Err(Stop::Interrupted);
        }
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".nhn-cloudtrail-")
            .tempfile_in(folder)
            // The error would name the file beside the target, which nobody has asked for.
            .map_err(|error| not_written(target, &io::Error::from(error.kind())))?;
        unfinished.push(file.path().to_owned());
        Ok(file)
    }

    /// Gives a whole file its name.
    fn finish_file(&self, file: NamedTempFile, target: &Path) -> Result<(), Stop> {
        let mut unfinished = self.unfinished();
        if self.is_raised() {
            return Err(Stop::Interrupted);
        }
        unfinished.retain(|path| path != file.path());
        file.persist(target).map(drop).map_err(|error| not_written(target, &error.error))
    }

    fn forget_file(&self, file: &Path) {
        self.unfinished().retain(|path| path != file);
    }
}

fn not_written(target: &Path, error: &io::Error) -> Stop {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Stop::ClosedPipe;
    }
    Stop::failed(format!("{}: cannot be written: {error}", target.display()))
}

/// Where results go.
pub(crate) struct Output {
    sink: Sink,
    name: PathBuf,
    pub(crate) color: bool,
    /// The columns of the terminal; none where there is no terminal.
    pub(crate) width: Option<usize>,
}

enum Sink {
    Stdout(BufWriter<io::Stdout>),
    /// A device or a named pipe, which no file may replace.
    Special(BufWriter<File>),
    File(Unfinished),
}

/// A file beside its target.
struct Unfinished {
    file: Option<BufWriter<NamedTempFile>>,
    interrupt: Interrupt,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // Not flushed first: it is about to be removed. Forgotten only after that, so that
            // `raise` never misses a file that is still there.
            let (file, _) = file.into_parts();
            let path = file.path().to_owned();
            drop(file);
            self.interrupt.forget_file(&path);
        }
    }
}

const BUFFER: usize = 64 << 10;

impl Output {
    pub(crate) fn open(
        path: Option<&Path>,
        interrupt: &Interrupt,
        color: ColorChoice,
    ) -> Result<Self, Stop> {
        let path = match path {
            Some(path) if path != Path::new("-") => path,
            _ => {
                let stdout = io::stdout();
                return Ok(Self {
                    name: PathBuf::from("standard output"),
                    color: colored(color, &stdout),
                    width: stdout.is_terminal().then(terminal_width),
                    sink: Sink::Stdout(BufWriter::with_capacity(BUFFER, stdout)),
                });
            }
        };
        // A link is followed: what it names is replaced, not the link.
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| in_real_folder(path));
        let sink = match std::fs::metadata(&target) {
            Ok(data) if data.is_dir() => {
                return Err(Stop::failed(format!(
                    "{}: is a folder; name a file in it",
                    path.display()
                )));
            }
            Ok(data) if !data.is_file() => {
                let file = File::options().write(true).open(&target);
                let file = file.map_err(|error| not_written(path, &error))?;
                Sink::Special(BufWriter::with_capacity(BUFFER, file))
            }
            _ => {
                let file = interrupt.begin_file(&target)?;
                let file = Some(BufWriter::with_capacity(BUFFER, file));
                Sink::File(Unfinished { file, interrupt: interrupt.clone() })
            }
        };
        let color = color == ColorChoice::Always;
        Ok(Self { sink, name: target, color, width: None })
    }

    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self.sink, Sink::Stdout(_))
    }

    /// Whether this file is what the output would replace.
    pub(crate) fn replaces(&self, file: &Path) -> bool {
        matches!(self.sink, Sink::File(_))
            && std::fs::canonicalize(file).is_ok_and(|file| file == self.name)
    }

    /// Whether both end up in one place.
    pub(crate) fn is_same(&self, other: &Output) -> bool {
        self.name == other.name
    }

    /// Writes data in a format for programs. On a terminal it loses what could move the cursor or
    /// worse: not every format escapes control characters.
    pub(crate) fn write_data(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if self.width.is_none() {
            return self.write(bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<_> = text.split('\n').map(printable).collect();
        self.write(lines.join("\n").as_bytes())
    }

    /// Writes text that was made for people, and may have colours.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let result = match &mut self.sink {
            Sink::Stdout(stdout) => stdout.write_all(bytes),
            Sink::Special(file) => file.write_all(bytes),
            Sink::File(Unfinished { file: Some(file), .. }) => file.write_all(bytes),
            Sink::File(_) => Ok(()),
        };
        // Somebody looks at it: what is written is to be seen before the next read waits.
        let result = result.and_then(|()| if self.width.is_some() { self.flush() } else { Ok(()) });
        result.map_err(|error| not_written(&self.name, &error))
    }

    /// Passes on what is held back, to whoever reads along.
    pub(crate) fn show(&mut self) -> Result<(), Stop> {
        if matches!(self.sink, Sink::File(_)) {
            return Ok(());
        }
        self.flush().map_err(|error| not_written(&self.name, &error))
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stdout(stdout) => stdout.flush(),
            Sink::Special(file) => file.flush(),
            Sink::File(Unfinished { file: Some(file), .. }) => file.flush(),
            Sink::File(_) => Ok(()),
        }
    }

    /// Writes what is left; a file gets its name now. Without this a file is removed.
    pub(crate) fn finish(mut self) -> Result<(), Stop> {
        self.flush().map_err(|error| not_written(&self.name, &error))?;
        if let Sink::File(unfinished) = &mut self.sink
            && let Some(file) = unfinished.file.take()
        {
            let (file, _) = file.into_parts();
            return unfinished.interrupt.finish_file(file, &self.name);
        }
        Ok(())
    }
}

/// The path of a file that does not exist yet, in a folder that does.
fn in_real_folder(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (std::fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

fn terminal_width() -> usize {
    terminal_size::terminal_size_of(io::stdout())
        .map_or(80, |(terminal_size::Width(width), _)| usize::from(width).max(20))
}
