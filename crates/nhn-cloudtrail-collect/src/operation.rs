//! Code that all operations on an archive share.

use std::path::PathBuf;
use std::time::Duration;

use nhn_cloudtrail::{Code, Error, Result};

use crate::archive::{Archive, Guards, OWN};
use crate::ledger::{ledger_file, place};
use crate::sign::sign;

/// The maximum length of a recorded reason, in characters.
const REASON: usize = 1000;

/// An operation on an existing archive.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) root: PathBuf,
    pub(crate) guards: Guards,
}

impl Operation {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, guards: Guards::default() }
    }

    /// Opens the archive; it is not created.
    pub(crate) fn open(&self) -> Result<Archive> {
        if !ledger_file(&self.root.join(OWN)).exists() {
            let (code, message) = match self.root.exists() {
                true => (Code::InvalidArchive, "this folder is not an archive: it has no ledger"),
                false => (Code::NotFound, "no such archive"),
            };
            return Err(Error::new(code, message).at(place(&self.root)));
        }
        Archive::open_within(Duration::ZERO, &self.root, &self.guards, || Ok(()))
    }

    /// Signs the head if there is a key. Returns the head.
    pub(crate) fn close(&self, archive: &Archive) -> Result<String> {
        let ledger = &archive.ledger;
        if let Some(signer) = &self.guards.signer {
            sign(signer, &archive.own(), ledger.entries.len() as u64, &ledger.head)?;
        }
        Ok(ledger.head.clone())
    }
}

/// Returns a reason in the form that is recorded.
///
/// # Errors
///
/// `INVALID_OPTION` if it is empty or too long.
pub(crate) fn reason(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::new(
            Code::InvalidOption,
            "the reason is empty: state why, for later reviews",
        ));
    }
    if text.chars().count() > REASON {
        let message =
            format!("the reason is too long: {REASON} characters are recorded at the most");
        return Err(Error::new(Code::InvalidOption, message));
    }
    Ok(nhn_cloudtrail::printable(text).to_string())
}
