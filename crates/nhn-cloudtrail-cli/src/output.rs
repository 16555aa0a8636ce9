//! Results go to standard output, or to a file that appears under its name only when it is whole.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nhn_cloudtrail::{Waiting, is_stdout, printable};
use nhn_cloudtrail_arrow::Dataset;
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
    /// Files that are being written, under the names that they have meanwhile, and folders of such
    /// files.
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
            remove(&path);
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

    /// Opens a data set whose folder of unfinished files is known to `raise`, until it is forgotten.
    pub(crate) fn begin_dataset(
        &self,
        open: impl FnOnce() -> Result<Dataset, Stop>,
    ) -> Result<Dataset, Stop> {
        // INVARIANT: under the lock, as with files.
        let mut unfinished = self.unfinished();
        if self.is_raised() {
            return Err(Stop::Interrupted);
        }
        let dataset = open()?;
        unfinished.push(dataset.staging().to_owned());
        Ok(dataset)
    }

    /// Says that something unfinished is there no more.
    pub(crate) fn forget(&self, gone: &Path) {
        self.unfinished().retain(|path| path != gone);
    }
}

/// Removes a file, or a folder into which another thread may be writing.
fn remove(path: &Path) {
    if !path.is_dir() {
        // It may be gone already.
        let _ = std::fs::remove_file(path);
        return;
    }
    for _ in 0..100 {
        match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => (),
            _ => return,
        }
    }
}

pub(crate) fn not_written(target: &Path, error: &io::Error) -> Stop {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Stop::ClosedPipe;
    }
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        _ => error.to_string(),
    };
    Stop::failed(format!("{}: cannot be written: {why}", target.display()))
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
    Stdout(BufWriter<Waiting<io::Stdout>>),
    /// A device or a named pipe, which no file may replace.
    Special(BufWriter<Waiting<File>>),
    File(Unfinished),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Stdout(stdout) => stdout.write(bytes),
            Sink::Special(file) => file.write(bytes),
            Sink::File(Unfinished { file: Some(file), .. }) => file.write(bytes),
            Sink::File(_) => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Stdout(stdout) => stdout.flush(),
            Sink::Special(file) => file.flush(),
            Sink::File(Unfinished { file: Some(file), .. }) => file.flush(),
            Sink::File(_) => Ok(()),
        }
    }
}

/// For writers of formats that are not text, which are not for terminals.
impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
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
            self.interrupt.forget(&path);
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
                    sink: Sink::Stdout(BufWriter::with_capacity(BUFFER, Waiting::new(stdout))),
                });
            }
        };
        // A link is followed: what it names is replaced, not the link.
        let target = real(path);
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
                Sink::Special(BufWriter::with_capacity(BUFFER, Waiting::new(file)))
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

    /// The file, without links in its path, or what to call it.
    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    /// Whether both are written to the same place, such as a file into which a shell has redirected
    /// standard output.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name
            || (self.is_stdout() && is_stdout(&other.name))
            || (other.is_stdout() && is_stdout(&self.name))
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
        let result = self.sink.write_all(bytes);
        // Somebody looks at it: what is written is to be seen before the next read waits.
        let result =
            result.and_then(|()| if self.width.is_some() { self.sink.flush() } else { Ok(()) });
        result.map_err(|error| not_written(&self.name, &error))
    }

    /// Passes on what is held back, to whoever reads along.
    pub(crate) fn show(&mut self) -> Result<(), Stop> {
        if matches!(self.sink, Sink::File(_)) {
            return Ok(());
        }
        self.sink.flush().map_err(|error| not_written(&self.name, &error))
    }

    /// Writes what is left; a file gets its name now. Without this a file is removed.
    pub(crate) fn finish(mut self) -> Result<(), Stop> {
        self.sink.flush().map_err(|error| not_written(&self.name, &error))?;
        if let Sink::File(unfinished) = &mut self.sink
            && let Some(file) = unfinished.file.take()
        {
            let (file, _) = file.into_parts();
            return unfinished.interrupt.finish_file(file, &self.name);
        }
        Ok(())
    }
}

/// A path without links, of something that may not exist yet in a folder that does.
pub(crate) fn real(path: &Path) -> PathBuf {
    if let Ok(path) = std::fs::canonicalize(path) {
        return path;
    }
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
