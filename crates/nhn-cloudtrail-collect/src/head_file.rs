//! A copy of an archive's newest head outside of it. It detects that the archive was replaced by an older
//! state.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nhn_cloudtrail::{Code, Error, Result, printable};
use nhn_cloudtrail_arrow::disk;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::archive::time;
use crate::client::now;
use crate::ledger::{failed, hex, is_own, place};

/// The line in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownHead {
    archive: String,
    entry: u64,
    head: String,
    time: String,
}

/// Returns the default head file of an archive: a file in the folder of the config file, named by a
/// hash of the archive's path. `None` if the user has no home folder.
pub fn usual_head_file(archive: &Path) -> Option<PathBuf> {
    let hash = Sha256::digest(absolute(archive).as_os_str().as_encoded_bytes());
    let name = hex(hash.get(..16)?);
    Some(crate::settings::folder()?.join("heads").join(format!("{name}.json")))
}

/// Returns a path without links, even if its last parts do not exist.
fn absolute(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    fs::canonicalize(&absolute).unwrap_or_else(|_| {
        match (absolute.parent(), absolute.file_name()) {
            (Some(parent), Some(name)) => self::absolute(parent).join(name),
            _ => absolute,
        }
    })
}

/// Returns what is wrong with a ledger compared with the file, or `None` if it matches or the file does
/// not exist. `head_at` returns the head after the given number of entries.
///
/// # Errors
///
/// `INVALID_OPTION` if the file is not a head file, `IO` if it cannot be read.
pub(crate) fn check(
    path: &Path,
    entries: u64,
    head_at: impl Fn(u64) -> Option<String>,
) -> Result<Option<String>> {
    if !is_own(path)? {
        return Ok(None);
    }
    let line = fs::read(path).map_err(|error| failed(path, error))?;
    let KnownHead { archive, entry, head, .. } = serde_json::from_slice(&line).map_err(|_| {
        let message =
            "this file does not contain the head of an archive: name another file, or remove it";
        Error::new(Code::InvalidOption, message).at(place(path))
    })?;
    let wrong = head_at(entry).as_deref() != Some(head.as_str());
    let cut = |text: &str| printable(&text.chars().take(300).collect::<String>()).into_owned();
    Ok(wrong.then(|| {
        format!(
            "the archive was rolled back to an older state, or replaced: {} knows entry {entry} of {} with \
             the head {}, and the ledger has {entries} entries without it; restore the newest state, or \
             remove that file if the archive was restored or started again on purpose",
            cut(&path.to_string_lossy()),
            cut(&archive),
            cut(&head)
        )
    }))
}

/// Writes the newest head of an archive.
pub(crate) fn store(path: &Path, archive: &Path, entry: u64, head: &str) -> io::Result<()> {
    let archive = archive.to_string_lossy().into_owned();
    let known = KnownHead { archive, entry, head: head.to_owned(), time: time(now()) };
    let mut line = serde_json::to_vec(&known)?;
    line.push(b'\n');
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        disk::new_folders(folder)?;
    }
    disk::write_whole(path, &line)
}
