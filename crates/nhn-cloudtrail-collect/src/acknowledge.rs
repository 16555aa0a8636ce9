//! Acknowledges losses as final.

use std::path::PathBuf;
use std::sync::Arc;

use nhn_cloudtrail::{Code, Error, Result, instant};
use serde::Serialize;

use crate::archive::{Archive, EVENTS, Gain, OWN};
use crate::ledger::{How, Loss, Settled};
use crate::losses::{Damage, Hashing, LossState, LossStatus, damaged};
use crate::operation::{Operation, reason};
use crate::sign::Signer;
use crate::verify::Hashed;

/// Records losses of an archive as final: the lost data cannot be recovered from any source.
///
/// ```no_run
/// use nhn_cloudtrail_collect::Acknowledge;
///
/// let loss = "2026-10-01/2026-10-03";
/// Acknowledge::new("archive/", "the service was down").loss(loss).run(&mut |_, _| true)?;
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
///
/// Later collections do not report acknowledged losses, and [`Verify`](crate::Verify) does not count them
/// as findings. They stay in the ledger and in [`Status`](crate::Status). Only open losses can be
/// acknowledged. A file whose content differs from the ledger is moved to `_archive/damaged`, so that
/// readers do not use it.
#[derive(Debug)]
#[must_use]
pub struct Acknowledge {
    operation: Operation,
    reason: String,
    losses: Vec<String>,
    all: bool,
    source: Option<String>,
}

/// The result of an [`Acknowledge`].
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct AcknowledgeReport {
    /// The losses that were acknowledged.
    pub losses: Vec<LossStatus>,
    /// Hash of the ledger's last line.
    pub head: String,
    /// Problems that did not stop the operation, such as a head file that could not be written.
    pub warnings: Vec<String>,
}

impl Acknowledge {
    /// Creates an acknowledgement of losses of the archive at `root`. `reason` is recorded in the ledger.
    pub fn new(root: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self {
            operation: Operation::new(root.into()),
            reason: reason.into(),
            losses: Vec::new(),
            all: false,
            source: None,
        }
    }

    /// Adds a loss: the path of a file in the archive, the URL of an object, or a period of the API as
    /// `SINCE/UNTIL` in UTC. A bare date after the slash includes that day.
    pub fn loss(mut self, loss: impl Into<String>) -> Self {
        self.losses.push(loss.into());
        self
    }

    /// Acknowledges all open losses.
    pub fn all(mut self) -> Self {
        self.all = true;
        self
    }

    /// Selects the organization of the periods, by the hash that [`Status`](crate::Status) shows.
    /// Required if the archive has several organizations.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
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

    /// Runs the acknowledgement. While files are compared with the ledger, `hashed` is called with the
    /// bytes done and the total, and returns whether to continue.
    ///
    /// # Errors
    ///
    /// - `INVALID_OPTION`: the reason is missing, or something named is not an open loss. Nothing is
    ///   recorded.
    /// - `NOT_FOUND`: there is no archive.
    /// - `INVALID_ARCHIVE`: the folder is not an archive, or its ledger is not valid.
    /// - `LOCKED`: another run holds the archive's lock.
    /// - `IO`: the archive cannot be written.
    /// - `INTERRUPTED`: `hashed` returned false.
    pub fn run(self, hashed: Hashed<'_>) -> Result<AcknowledgeReport> {
        let reason = reason(&self.reason)?;
        if self.losses.is_empty() && !self.all {
            return Err(wrong(
                "nothing is named that is lost: name files, objects or periods, or all",
            ));
        }
        let mut archive = self.operation.open()?;
        let mut settling = Settling::default();
        if self.all {
            for (file, damage) in damaged(archive.root(), &archive.ledger, &mut *hashed)? {
                settling.file(file.path, damage)?;
            }
            settling.losses.extend(archive.ledger.open_gaps().into_iter().map(|(loss, _)| loss));
        }
        for loss in &self.losses {
            self.named(&archive, loss, &mut settling, hashed)?;
        }
        settling.losses.sort();
        settling.losses.dedup();
        settling.set_aside.sort();
        settling.set_aside.dedup();
        let settled = settling.losses.into_iter().map(|loss| Settled {
            loss,
            how: How::Final,
            reason: reason.clone(),
        });
        let settled: Vec<_> = settled.collect();
        let final_now = settled
            .iter()
            .map(|settled| LossStatus::of(&settled.loss, LossState::Final, reason.clone(), None));
        let losses = final_now.collect();
        if !settled.is_empty() {
            let set_aside = settling.set_aside;
            archive.add(Gain { settled, set_aside, ..Gain::default() })?;
        }
        let head = self.operation.close(&archive)?;
        Ok(AcknowledgeReport { losses, head, warnings: std::mem::take(&mut archive.warnings) })
    }

    fn named(
        &self,
        archive: &Archive,
        name: &str,
        settling: &mut Settling,
        hashed: Hashed<'_>,
    ) -> Result<()> {
        let ledger = &archive.ledger;
        let shown: String = nhn_cloudtrail::printable(name).chars().take(200).collect();
        if name.starts_with("s3://") {
            let loss = Loss::Object(name.to_owned());
            if !ledger.open_gaps().iter().any(|(open, _)| *open == loss) {
                return Err(wrong(format!("{shown}: the last run did not miss this object")));
            }
            settling.losses.push(loss);
            return Ok(());
        }
        let is_path = [EVENTS, OWN]
            .iter()
            .any(|folder| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
        if is_path {
            let Some(file) = ledger.files().find(|file| file.path == name) else {
                let what = match ledger.is_settled(&Loss::File(name.to_owned())) {
                    true => "this loss is settled already",
                    false => "the archive has no such file, or it was removed from it",
                };
                return Err(wrong(format!("{shown}: {what}")));
            };
            return match Hashing::new(file.bytes, hashed).check(archive.root(), file)? {
                Some(damage) => settling.file(name.to_owned(), damage),
                None => Err(wrong(format!("{shown}: this file is as it was recorded"))),
            };
        }
        let ends = name.split_once('/').and_then(|(since, until)| {
            let since = instant(since, "UTC", false).ok()?.as_millis();
            Some((since, instant(until, "UTC", true).ok()?.as_millis()))
        });
        let Some((since, until)) = ends.filter(|(since, until)| since < until) else {
            return Err(wrong(format!(
                "{shown}: this is no loss: give the path of a file in the archive, the URL of an object, or \
                 SINCE/UNTIL"
            )));
        };
        let is_of = |of: &String| self.source.as_ref().is_none_or(|source| source == of);
        let parts = ledger.open_gaps().into_iter().filter_map(|(loss, _)| match loss {
            Loss::Period { source, from, to } if is_of(&source) => {
                let (from, to) = (from.max(since), to.min(until));
                (from < to).then_some(Loss::Period { source, from, to })
            }
            _ => None,
        });
        let parts: Vec<Loss> = parts.collect();
        let mut sources: Vec<&str> = parts
            .iter()
            .filter_map(|part| match part {
                Loss::Period { source, .. } => Some(source.as_str()),
                _ => None,
            })
            .collect();
        sources.dedup();
        match sources.as_slice() {
            [] => Err(wrong(format!("{shown}: nothing is missing there"))),
            [_] => {
                settling.losses.extend(parts);
                Ok(())
            }
            several => {
                let several = several.join(", ");
                Err(wrong(format!("{shown}: say of which organization, by its hash: {several}")))
            }
        }
    }
}

/// The losses that are about to be acknowledged.
#[derive(Default)]
struct Settling {
    losses: Vec<Loss>,
    set_aside: Vec<String>,
}

impl Settling {
    fn file(&mut self, path: String, damage: Damage) -> Result<()> {
        match damage {
            Damage::NoFile => {
                return Err(wrong(nhn_cloudtrail::printable(&format!(
                    "{path}: {}",
                    damage.told()
                ))));
            }
            Damage::Altered => self.set_aside.push(path.clone()),
            Damage::Gone => (),
        }
        self.losses.push(Loss::File(path));
        Ok(())
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidOption, message)
}
