//! Where the command keeps the newest head of an archive.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use nhn_cloudtrail_collect::usual_head_file;

use crate::context::Context;

/// Returns the file of the option, or the default one. If the default file cannot be read, prints a
/// warning and returns `None`: a service may not have access to its home folder.
pub(crate) fn head_file(
    context: &Context<'_>,
    named: Option<&PathBuf>,
    archive: &Path,
) -> Option<PathBuf> {
    let usual = || {
        let path = usual_head_file(archive)?;
        let opened = match path.symlink_metadata() {
            // The library reports what is wrong if this is not a file.
            Ok(data) if !data.is_file() => return Some(path),
            _ => File::open(&path),
        };
        match opened {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let text = format!(
                    "{}: the head that is kept here cannot be read ({error}), so that a rollback of the \
                     archive may go unnoticed: name another file with --head-file",
                    path.display()
                );
                context.warnings().warn(&text);
                None
            }
            _ => Some(path),
        }
    };
    named.cloned().or_else(usual)
}
