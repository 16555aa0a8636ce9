//! Removes days that an archive no longer needs to keep.

use std::path::PathBuf;
use std::sync::Arc;

use nhn_cloudtrail::{Code, Error, Result};
use serde::Serialize;

use crate::archive::{EVENTS, Gain};
use crate::client::now;
use crate::compact::date;
use crate::departure;
use crate::ledger::{RecordedFile, Removed, Why};
use crate::losses::{day, day_of};
use crate::operation::{Operation, reason};
use crate::sign::Signer;

/// Removes the days of an archive before a date.
///
/// ```no_run
/// use nhn_cloudtrail_collect::Pruning;
///
/// let report = Pruning::new("archive/", "2025-01-01", "policy 7: one year").run()?;
/// println!("{} records of {} days", report.records, report.days);
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
///
/// The ledger keeps the hashes and record counts of the removed files, and the reason. Later collections
/// do not request these days, and do not add events of them. Events without a time and rejects are not
/// pruned.
#[derive(Debug)]
#[must_use]
pub struct Pruning {
    operation: Operation,
    before: String,
    reason: String,
}

/// The result of a [`Pruning`].
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct PruningReport {
    /// Number of days removed.
    pub days: u64,
    /// Number of files removed.
    pub files: u64,
    /// Number of records in them.
    pub records: u64,
    /// Size of the removed files in bytes.
    pub bytes: u64,
    /// Hash of the ledger's last line.
    pub head: String,
    /// Problems that did not stop the operation, such as a head file that could not be written.
    pub warnings: Vec<String>,
}

impl Pruning {
    /// Creates a pruning of the days (UTC) before `before`, `YYYY-MM-DD`. `reason` is recorded in the
    /// ledger.
    pub fn new(
        root: impl Into<PathBuf>,
        before: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        let operation = Operation::new(root.into());
        Self { operation, before: before.into(), reason: reason.into() }
    }

    /// Signs the ledger's head at the end.
    pub fn signer(mut self, signer: Signer) -> Self {
        self.operation.guards.signer = Some(Arc::new(signer));
        self
    }

    /// Sets a file outside of the archive that keeps its newest head; see
    /// [`Collection::head_file`](crate::Collection::head_file).
    pub fn head_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.operation.guards.head_file = Some(path.into());
        self
    }

    /// Runs the pruning.
    ///
    /// # Errors
    ///
    /// - `INVALID_TIME`: `before` is not a date, or is in the future.
    /// - `INVALID_OPTION`: the reason is missing.
    /// - `NOT_FOUND`: there is no archive.
    /// - `INVALID_ARCHIVE`: the folder is not an archive, or its ledger is not valid.
    /// - `LOCKED`: another run holds the archive's lock.
    /// - `IO`: the archive cannot be written.
    ///
    /// A removal that was recorded before an error is completed by the next program that opens the
    /// archive for writing.
    pub fn run(self) -> Result<PruningReport> {
        let reason = reason(&self.reason)?;
        let wrong = |message: String| Error::new(Code::InvalidTime, message);
        let before = day(&self.before).ok_or_else(|| {
            let shown: String = self.before.chars().take(40).collect();
            wrong(format!("{shown:?} is no date: give YYYY-MM-DD"))
        })?;
        if before > now() {
            let message =
                format!("{} is in the future: only days that are over can be pruned", date(before));
            return Err(wrong(message));
        }
        let mut archive = self.operation.open()?;
        let mut report = PruningReport::default();
        let is_old = |file: &&RecordedFile| {
            file.path.starts_with(EVENTS) && day_of(&file.path).is_some_and(|day| day < before)
        };
        let mut days = std::collections::BTreeSet::new();
        let mut paths = Vec::new();
        for file in archive.ledger.files().filter(is_old) {
            departure::inside(archive.root(), &file.path)?;
            report.files += 1;
            report.records += file.records;
            report.bytes += file.bytes;
            days.extend(day_of(&file.path));
            paths.push(file.path.clone());
        }
        report.days = days.len() as u64;
        if !paths.is_empty() {
            let why = Why::Pruned { before: date(before), reason };
            archive.add(Gain { removed: vec![Removed { paths, why }], ..Gain::default() })?;
        }
        report.head = self.operation.close(&archive)?;
        report.warnings = std::mem::take(&mut archive.warnings);
        Ok(report)
    }
}
