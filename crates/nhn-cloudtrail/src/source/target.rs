//! Targets for results: a target must not be a source, nor be inside a folder or glob that is read.

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::path::{Component, Path, PathBuf};

use super::{GLOB_OPTIONS, Source, glob_paths, is_glob, place};
use crate::error::{Code, Error, Result, printable};

/// Where a result goes.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// A file that is created or replaced.
    File(&'a Path),
    /// The folder of a data set.
    Folder(&'a Path),
    /// Standard output, which a shell may have redirected into a file.
    Stdout,
}

/// Returns an error if a result at `target` would replace one of the files that `sources` name, or
/// if the sources would contain it when they are read again.
///
/// Files are compared by device and inode, so links and other spellings of a path are the same
/// file. A folder contains what is below it, unless a name on the way begins with `.` or `_`; a
/// glob contains what it matches. Sources that do not exist contain nothing.
///
/// # Errors
///
/// `INVALID_OPTION`, with the target as its position.
pub fn check_target<P: AsRef<Path>>(
    sources: impl IntoIterator<Item = P>,
    target: Target<'_>,
) -> Result<()> {
    let result = Output::new(target);
    for source in sources {
        let source = source.as_ref();
        if let Some(overlap) = result.overlap(source) {
            return Err(refused(target, source, overlap));
        }
    }
    Ok(())
}

/// Whether a file is the one that standard output was redirected into.
pub fn is_stdout(path: &Path) -> bool {
    identity_of_path(path).is_some_and(|file| identity_of_stdout() == Some(file))
}

/// How a source and a result are in each other's way.
enum Overlap {
    /// This file of the source would be replaced, or read while it is written.
    Same(PathBuf),
    /// This file of the source is in the folder of the data set.
    Holds(PathBuf),
    /// The result would be one of the files of the source.
    Within,
}

fn refused(target: Target<'_>, source: &Path, overlap: Overlap) -> Error {
    let shown = |path: &Path| printable(&path.to_string_lossy()).into_owned();
    let source = shown(source);
    let message = match (target, overlap) {
        (Target::Stdout, Overlap::Same(file)) => format!(
            "goes to {}, which is one of the sources; redirect it to a file that is not read",
            shown(&file)
        ),
        (_, Overlap::Same(_)) => {
            "is one of the sources, and would be replaced by what is written; write to another file"
                .to_owned()
        }
        (_, Overlap::Holds(file)) => format!(
            "the data set cannot be written where a source is ({}); write to another folder",
            shown(&file)
        ),
        (Target::Folder(_), Overlap::Within) => {
            format!(
                "the data set would be part of the source {source}; write to a folder that is not read"
            )
        }
        (_, Overlap::Within) => {
            format!(
                "the file would be part of the source {source}; write to a folder that is not read"
            )
        }
    };
    let path = match target {
        Target::File(path) | Target::Folder(path) => path,
        Target::Stdout => Path::new("standard output"),
    };
    Error::new(Code::InvalidOption, message).at(place(path))
}

/// A result, as far as it exists.
struct Output {
    identity: Option<Identity>,
    is_folder: bool,
    /// Its path without links; none for standard output.
    path: Option<Planned>,
}

/// A path that may not exist yet.
struct Planned {
    /// A folder that exists, without links in its path.
    base: PathBuf,
    /// The names below it.
    names: PathBuf,
}

/// A file in a data set, from the folder of the data set.
const IN_DATA_SET: [&str; 2] = ["event_date=2026-10-31", "part-0-0001.parquet"];

impl Output {
    fn new(target: Target<'_>) -> Self {
        let (path, is_folder) = match target {
            Target::File(path) => (path, false),
            Target::Folder(path) => (path, true),
            Target::Stdout => {
                return Self { identity: identity_of_stdout(), is_folder: false, path: None };
            }
        };
        Self { identity: identity_of_path(path), is_folder, path: Some(Planned::new(path)) }
    }

    fn overlap(&self, source: &Path) -> Option<Overlap> {
        if source == Path::new("-") {
            let is_same = self.identity.is_some() && self.identity == identity_of_stdin();
            return is_same.then(|| Overlap::Same(source.to_owned()));
        }
        if self.identity.is_none() && self.path.is_none() {
            // A terminal or a pipe, which no file is.
            return None;
        }
        // A source that does not exist is reported when it is read.
        let files = Source::find(source, &[]).unwrap_or_default();
        let mut files = files.into_iter().map(|(path, _)| path);
        if let Some(overlap) = files.find_map(|file| self.overlap_file(file)) {
            return Some(overlap);
        }
        let holds = match std::fs::metadata(source) {
            Ok(data) => data.is_dir() && self.is_within(source),
            Err(_) if is_glob(source.as_os_str()) => self.is_matched(&source.to_string_lossy()),
            Err(_) => false,
        };
        holds.then_some(Overlap::Within)
    }

    fn overlap_file(&self, file: PathBuf) -> Option<Overlap> {
        let Some(result) = &self.identity else {
            // A link in a source may name a file that is about to be.
            let result = self.path.as_ref()?.path();
            let link = std::fs::read_link(&file).ok()?;
            let named = file.parent().unwrap_or(Path::new("")).join(link);
            return (Planned::new(&named).path() == result).then_some(Overlap::Same(file));
        };
        if self.is_folder {
            let real = std::fs::canonicalize(&file).ok()?;
            let is_below =
                real.ancestors().any(|folder| identity_of_path(folder).as_ref() == Some(result));
            return is_below.then_some(Overlap::Holds(file));
        }
        (identity_of_path(&file).as_ref() == Some(result)).then_some(Overlap::Same(file))
    }

    /// Whether a folder that is read would have the result in it.
    fn is_within(&self, folder: &Path) -> bool {
        let (Some(Planned { base, names }), Some(folder)) = (&self.path, identity_of_path(folder))
        else {
            return false;
        };
        let is_read = |name: Component<'_>| {
            !matches!(name.as_os_str().as_encoded_bytes().first(), Some(b'.' | b'_'))
        };
        base.ancestors().any(|above| {
            identity_of_path(above).as_ref() == Some(&folder)
                && base.strip_prefix(above).is_ok_and(|way| way.components().all(is_read))
                && names.components().all(is_read)
        })
    }

    /// Whether a glob would match the result, or a folder that has it.
    fn is_matched(&self, glob: &str) -> bool {
        let Some(Planned { base, names }) = &self.path else { return false };
        let base = identity_of_path(base);
        let folders = |glob: &str| {
            let found = glob_paths(Path::new(glob), &mut Vec::new()).unwrap_or_default();
            found.into_iter().filter(|path| path.is_dir())
        };
        if folders(glob).any(|folder| self.is_within(&folder)) {
            return true;
        }
        let mut ends = vec![names.clone()];
        if self.is_folder {
            let mut file = names.clone();
            for name in IN_DATA_SET {
                file.push(name);
                ends.push(file.clone());
            }
        }
        // The part of the glob before a slash must match the folder that there is, and the rest
        // what would be in it. `**` may be in both.
        let root = if glob.starts_with('/') { "/" } else { "" };
        let parts: Vec<&str> = glob.split('/').filter(|part| !part.is_empty()).collect();
        (0..parts.len()).any(|at| {
            let (before, after) = parts.split_at(at);
            let rest = |from: &[&str]| {
                let pattern = glob::Pattern::new(&from.join("/"));
                pattern.is_ok_and(|pattern| {
                    ends.iter().any(|end| pattern.matches_path_with(end, GLOB_OPTIONS))
                })
            };
            let both =
                before.last() == Some(&"**") && rest(parts.get(at - 1..).unwrap_or_default());
            if !both && !rest(after) {
                return false;
            }
            let before = match format!("{root}{}", before.join("/")) {
                here if here.is_empty() => ".".to_owned(),
                before => before,
            };
            folders(&before).any(|folder| base.is_some() && identity_of_path(&folder) == base)
        })
    }
}

impl Planned {
    fn new(path: &Path) -> Self {
        let mut names: Vec<OsString> = Vec::new();
        let (mut above, mut up) = (path, 0);
        loop {
            let folder = if above.as_os_str().is_empty() { Path::new(".") } else { above };
            if let Ok(mut base) = std::fs::canonicalize(folder) {
                for _ in 0..up {
                    base.pop();
                }
                // The name of a file that exists belongs to the names, too.
                if names.is_empty()
                    && let Some(name) = base.file_name().map(OsStr::to_owned)
                {
                    names.push(name);
                    base.pop();
                }
                return Self { base, names: names.into_iter().rev().collect() };
            }
            match (above.components().next_back(), above.parent()) {
                (Some(last), Some(parent)) => {
                    above = parent;
                    match last {
                        Component::ParentDir => up += 1,
                        _ if up > 0 => up -= 1,
                        name => names.push(name.as_os_str().to_owned()),
                    }
                }
                _ => return Self { base: path.to_owned(), names: PathBuf::new() },
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.base.join(&self.names)
    }
}

/// What tells a file from all others.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = PathBuf;

/// Only what keeps what is written to it has an identity: a terminal may be read and written.
fn identity_of_path(path: &Path) -> Option<Identity> {
    let data = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    {
        identity(&data)
    }
    #[cfg(not(unix))]
    {
        let _: Metadata = data;
        std::fs::canonicalize(path).ok()
    }
}

#[cfg(unix)]
fn identity(data: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};

    let kind = data.file_type();
    (kind.is_file() || kind.is_dir() || kind.is_fifo()).then(|| (data.dev(), data.ino()))
}

fn identity_of_stdin() -> Option<Identity> {
    #[cfg(unix)]
    {
        identity_of_open(std::io::stdin())
    }
    #[cfg(not(unix))]
    {
        None
    }
}

fn identity_of_stdout() -> Option<Identity> {
    #[cfg(unix)]
    {
        identity_of_open(std::io::stdout())
    }
    #[cfg(not(unix))]
    {
        None
    }
}

#[cfg(unix)]
fn identity_of_open(stream: impl std::os::fd::AsFd) -> Option<Identity> {
    let file = std::fs::File::from(stream.as_fd().try_clone_to_owned().ok()?);
    identity(&file.metadata().ok()?)
}
