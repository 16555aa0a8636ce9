//! Lists what is in the folders of an archive.

use std::fs;
use std::path::Path;

use nhn_cloudtrail::Result;
use nhn_cloudtrail_arrow::stages;

use crate::archive::{EVENTS, STAGED, slashes};
use crate::ledger::failed;

/// The kind of a folder's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file with its size in bytes.
    File(u64),
    /// An empty folder.
    Folder,
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// Returns everything except folders with content, by its path in the archive, in order. Links are not
/// followed. Files that are removed meanwhile are omitted.
pub(crate) fn walk(root: &Path) -> Result<Vec<(String, Kind)>> {
    let mut found = Vec::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        let name = |path: &Path| slashes(path.strip_prefix(root).unwrap_or(path));
        let gone = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        let entries = match fs::read_dir(&folder) {
            Err(error) if gone(&error) && folder != *root => continue,
            entries => entries.map_err(|error| failed(&folder, error))?,
        };
        let mut is_empty = true;
        for entry in entries {
            let path = entry.map_err(|error| failed(&folder, error))?.path();
            is_empty = false;
            let data = match fs::symlink_metadata(&path) {
                Err(error) if gone(&error) => continue,
                data => data.map_err(|error| failed(&path, error))?,
            };
            let kind = match data.file_type() {
                kind if kind.is_dir() => {
                    todo.push(path);
                    continue;
                }
                kind if kind.is_file() => Kind::File(data.len()),
                kind if kind.is_symlink() => Kind::Link,
                _ => Kind::Other,
            };
            found.push((name(&path), kind));
        }
        if is_empty && folder != *root {
            found.push((name(&folder), Kind::Folder));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Returns whether this is a staging folder, or the folder of a day in one.
pub(crate) fn is_stage(name: &str) -> bool {
    let root = Path::new("");
    let folders = stages(&root.join(EVENTS));
    name == STAGED
        || folders.iter().any(|folder| {
            let day = Path::new(name).strip_prefix(folder).ok().and_then(Path::to_str);
            day.is_some_and(|day| day.is_empty() || day.starts_with("event_date="))
        })
}
