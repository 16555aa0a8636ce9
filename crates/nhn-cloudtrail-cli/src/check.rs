//! `archive status --check`: whether an archive is complete, up to date and not stuck.

use std::time::Duration;

use nhn_cloudtrail::Timestamp;
use nhn_cloudtrail_collect::{LossState, LossStatus, Status};

use crate::args::StatusArgs;
use crate::context::{Context, counted};
use crate::{ALL_READ, GAPS, OUT_OF_DATE, STUCK};

/// Reports everything that is wrong, and returns the exit status of the first.
pub(crate) fn run(context: &Context<'_>, args: &StatusArgs, status: &Status) -> u8 {
    let problems = problems(args, status, jiff::Timestamp::now().as_millisecond());
    let warnings = context.warnings();
    problems.iter().for_each(|(_, problem)| warnings.error(problem));
    problems.first().map_or(ALL_READ, |(code, _)| *code)
}

fn problems(args: &StatusArgs, status: &Status, now: i64) -> Vec<(u8, String)> {
    let mut problems = Vec::new();
    let is_over = |time: &str, longest: Duration| {
        // A time that cannot be read, or is to come, proves nothing.
        let passed =
            Timestamp::parse(time).and_then(|time| u64::try_from(now - time.as_millis()).ok());
        passed.is_none_or(|passed| Duration::from_millis(passed) > longest)
    };
    for source in &status.sources {
        let name = source.name.as_deref().unwrap_or(&source.source);
        let gaps = source.gaps.iter();
        problems.extend(
            gaps.map(|gap| (GAPS, format!("missing of {name}: {} to {}", gap.since, gap.until))),
        );
    }
    let is_lost_file = |loss: &&LossStatus| {
        loss.state == LossState::Open
            && loss.path.as_ref().is_some_and(|path| !path.starts_with("s3://"))
    };
    let lost = status.losses.iter().filter(is_lost_file);
    problems.extend(lost.map(|loss| (GAPS, format!("lost: {}: {}", loss.what(), loss.reason))));
    if let Some(run) = &status.last_run {
        if !run.gaps.is_empty() {
            let gaps = counted(run.gaps.len() as u64, "gap");
            problems
                .push((GAPS, format!("the last run, which ended at {}, left {gaps}", run.ended)));
        }
        if is_over(&run.ended, args.max_age) {
            let message = format!("the last run ended at {}, more than --max-age ago", run.ended);
            problems.push((OUT_OF_DATE, message));
        }
    } else {
        problems.push((OUT_OF_DATE, "no run has ended yet".to_owned()));
    }
    if let Some(lock) = &status.lock
        && is_over(lock.since.as_deref().unwrap_or_default(), args.max_lock)
    {
        let message =
            format!("the archive has been locked for longer than --max-lock ({})", lock.holder);
        problems.push((STUCK, message));
    }
    problems
}
