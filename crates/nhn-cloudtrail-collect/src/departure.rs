//! Files that are removed from their places in an archive: compacted or pruned files, and damaged files,
//! which are moved to a separate folder.
//!
//! The ledger is written first. A removal that was interrupted is completed when the archive is opened
//! again.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use nhn_cloudtrail::{Code, Error, Result};
use nhn_cloudtrail_arrow::disk;

use crate::archive::EVENTS;
use crate::ledger::{Entry, RecordedFile, Why, failed, hash_file, is_own, place};

/// The folder of files whose content differs from the ledger, in one subfolder per ledger entry.
pub(crate) const DAMAGED: &str = "_archive/damaged";

/// Returns the original path of a damaged file.
pub(crate) fn original(path: &str) -> Option<&str> {
    let (number, original) = path.strip_prefix(DAMAGED)?.strip_prefix('/')?.split_once('/')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(original)
}

/// Returns the record of a damaged file that the entry with this number moves away. Its records are no
/// longer used.
pub(crate) fn set_aside(root: &Path, path: &str, number: u64) -> Result<RecordedFile> {
    let file = inside(root, path)?;
    let hashed = hash_file(&file, |_| true).map_err(|error| failed(&file, error))?;
    let (bytes, sha256) = hashed;
    let path = format!("{DAMAGED}/{number:08}/{path}");
    Ok(RecordedFile { path, bytes, sha256, records: 0 })
}

/// Completes the removals and moves of an entry.
pub(crate) fn complete(root: &Path, entry: &Entry) -> Result<()> {
    for file in &entry.files {
        if let Some(original) = original(&file.path) {
            keep_apart(root, original, &file.path)?;
        }
    }
    let is_there = |path: &String| {
        let recorded = entry.files.iter().find(|file| file.path == *path);
        recorded.is_some_and(|file| {
            let data = fs::symlink_metadata(root.join(path));
            data.is_ok_and(|data| data.is_file() && data.len() == file.bytes)
        })
    };
    let mut folders = BTreeSet::new();
    for removed in &entry.removed {
        // The file that replaces these must exist before they are removed.
        if let Why::Compacted { into, .. } = &removed.why
            && !into.iter().all(is_there)
        {
            continue;
        }
        for path in &removed.paths {
            let path = inside(root, path)?;
            match disk::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                removed => removed.map_err(|error| failed(&path, error))?,
            }
            folders.extend(path.parent().map(Path::to_owned));
        }
    }
    for folder in folders {
        // A folder that is not empty stays.
        let changed = match (disk::remove_folder(&folder), folder.parent()) {
            (Ok(()), Some(parent)) => parent,
            _ => &folder,
        };
        disk::sync_folder(changed).map_err(|error| failed(changed, error))?;
    }
    Ok(())
}

fn keep_apart(root: &Path, original: &str, path: &str) -> Result<()> {
    let from = inside(root, original)?;
    let to = inside(root, path)?;
    if is_own(&to)? || !is_own(&from)? {
        return Ok(());
    }
    let folders = [to.parent(), from.parent()].into_iter().flatten();
    let moved = || {
        to.parent().map_or(Ok(()), disk::new_folders)?;
        disk::rename(&from, &to)?;
        folders.into_iter().try_for_each(disk::sync_folder)
    };
    moved().map_err(|error| failed(&to, error))
}

/// Returns the path of a file in an archive. Fails if the path leaves the archive, through a link or
/// otherwise, or is not that of a file of records.
pub(crate) fn inside(root: &Path, path: &str) -> Result<PathBuf> {
    let elsewhere = |path: &Path| {
        let message = "this is not in the archive: one of its folders is a link, or not a folder";
        Err(Error::new(Code::InvalidArchive, message).at(place(path)))
    };
    let mut found = root.to_owned();
    let mut parts = Path::new(path).components().peekable();
    let first = parts.peek().copied();
    if ![EVENTS, crate::archive::OWN]
        .iter()
        .any(|own| first == Some(Component::Normal(own.as_ref())))
    {
        return elsewhere(&root.join(path));
    }
    while let Some(part) = parts.next() {
        let Component::Normal(part) = part else { return elsewhere(&root.join(path)) };
        found.push(part);
        if parts.peek().is_none() {
            break;
        }
        match fs::symlink_metadata(&found) {
            Ok(data) if !data.is_dir() => return elsewhere(&found),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&found, error));
            }
            _ => (),
        }
    }
    Ok(found)
}
