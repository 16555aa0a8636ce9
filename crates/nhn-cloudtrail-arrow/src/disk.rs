//! All calls that change the disk, in one place, so that tests can make each of them fail.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Runs a call that changes the disk.
fn call<T>(name: &'static str, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    #[cfg(debug_assertions)]
    return faults::call(name, change);
    #[cfg(not(debug_assertions))]
    {
        let _ = name;
        change()
    }
}

/// Opens a file to write to it. If it is created, only its owner can read it.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    call("open", || options.open(path))
}

/// Writes all of `bytes`.
pub fn write_all(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    #[cfg(debug_assertions)]
    if faults::is_next() {
        // A full disk accepts only a part.
        file.write_all(bytes.get(..bytes.len() / 2).unwrap_or_default())?;
    }
    call("write", || file.write_all(bytes))
}

/// Truncates a file to `length` bytes.
pub fn truncate(file: &File, length: u64) -> io::Result<()> {
    call("truncate", || file.set_len(length))
}

/// Ensures that a file's content survives a power failure.
pub fn sync(file: &File) -> io::Result<()> {
    call("sync", || file.sync_all())
}

/// Ensures that the names in a folder survive a power failure.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    call("sync_folder", || if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) })
}

/// Renames a file, replacing an existing one.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    call("rename", || fs::rename(from, to))
}

/// Creates a folder that only its owner can read.
pub fn new_folder(path: &Path) -> io::Result<()> {
    call("new_folder", || folder_builder().create(path))
}

/// Creates a folder that only its owner can read, and its missing parents. The names of all new folders
/// survive a power failure.
pub fn new_folders(path: &Path) -> io::Result<()> {
    let new: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    call("new_folder", || folder_builder().recursive(true).create(path))?;
    let parents = new.iter().filter_map(|folder| folder.parent());
    parents.into_iter().try_for_each(|parent| match parent.as_os_str().is_empty() {
        true => sync_folder(Path::new(".")),
        false => sync_folder(parent),
    })
}

fn folder_builder() -> DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "modes are those of Unix"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Removes a file, or a link.
pub fn remove_file(path: &Path) -> io::Result<()> {
    call("remove", || fs::remove_file(path))
}

/// Removes an empty folder.
pub fn remove_folder(path: &Path) -> io::Result<()> {
    call("remove", || fs::remove_dir(path))
}

/// Removes this path if it exists: a folder with its content, a file, or a link but not its target.
pub fn remove_all(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(data) if data.is_dir() => call("remove", || fs::remove_dir_all(path)),
        Ok(_) => remove_file(path),
    }
}

/// Writes a file atomically.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    // The existing file may be a link to elsewhere.
    remove_all(&unfinished)?;
    let mut file = open(&unfinished, File::options().write(true).create_new(true))?;
    write_all(&mut file, bytes)?;
    sync(&file)?;
    rename(&unfinished, path)?;
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => sync_folder(Path::new(".")),
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Makes calls of the current thread fail.
#[cfg(debug_assertions)]
pub mod faults {
    use std::cell::{Cell, RefCell};
    use std::io;

    /// Which calls fail, counted from 0.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Fault {
        /// One call fails: it does nothing or, if it writes, writes half.
        Before(u64),
        /// One call is executed, but reports a failure.
        After(u64),
        /// One call and all after it fail, as if the process had ended.
        From(u64),
    }

    thread_local! {
        static FAULT: Cell<Option<Fault>> = const { Cell::new(None) };
        /// The names of the calls, while they are counted.
        static CALLS: RefCell<Option<Vec<&'static str>>> = const { RefCell::new(None) };
    }

    /// Starts to count calls, and makes some of them fail.
    pub fn begin(fault: Option<Fault>) {
        FAULT.set(fault);
        CALLS.set(Some(Vec::new()));
    }

    /// Stops counting. Returns the names of the calls in order.
    pub fn end() -> Vec<&'static str> {
        FAULT.set(None);
        CALLS.take().unwrap_or_default()
    }

    fn count() -> u64 {
        CALLS.with_borrow(|calls| calls.as_ref().map_or(0, |calls| calls.len() as u64))
    }

    pub(super) fn is_next() -> bool {
        matches!(FAULT.get(), Some(Fault::Before(at) | Fault::From(at)) if at == count())
    }

    pub(super) fn call<T>(
        name: &'static str,
        change: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let number = count();
        CALLS.with_borrow_mut(|calls| {
            if let Some(calls) = calls {
                calls.push(name);
            }
        });
        let failed = || Err(io::Error::other("a test made this call fail"));
        match FAULT.get() {
            Some(Fault::Before(at)) if at == number => failed(),
            Some(Fault::From(at)) if at <= number => failed(),
            Some(Fault::After(at)) if at == number => change().and_then(|_| failed()),
            _ => change(),
        }
    }
}
