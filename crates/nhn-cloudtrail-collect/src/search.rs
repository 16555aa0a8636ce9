//! A search as a stream of the API's answers, for a reader.

use std::collections::VecDeque;
use std::io::{self, Read};

use bytes::{Buf, Bytes};
use nhn_cloudtrail::{Code, Error, Result};

use crate::answer::ANSWERS;
use crate::client::{Client, Query};
use crate::fetch::{Fetch, Fetched, Next, Period};
use crate::plan;

/// The answers to a search, one after the other, each on a line of its own.
pub(crate) struct Search {
    fetch: Fetch,
    answers: VecDeque<Bytes>,
    /// How many records the API speaks of and does not give.
    missing: u64,
    over: bool,
}

impl Search {
    pub(crate) fn new(client: &Client, query: Query) -> Result<Self> {
        let (since, until) = query.period()?;
        let days = plan::days(since, until).into_iter();
        let periods = days.map(|(from, to)| Period { from, to, known: None, only_compare: false });
        let fetch = Fetch::new(client, query.only, periods)?;
        let answers = VecDeque::from([Bytes::from_static(ANSWERS)]);
        Ok(Self { fetch, answers, missing: 0, over: false })
    }

    fn end(&mut self, error: Error) -> io::Error {
        self.over = true;
        io::Error::other(error)
    }
}

/// Puts answers on lines of their own.
pub(crate) fn queue(queue: &mut VecDeque<Bytes>, answers: Vec<Bytes>) {
    for answer in answers {
        queue.extend([answer, Bytes::from_static(b"\n")]);
    }
}

/// Takes as much as there is room for.
pub(crate) fn take(queue: &mut VecDeque<Bytes>, buffer: &mut [u8]) -> usize {
    let Some(first) = queue.front_mut() else { return 0 };
    let count = first.len().min(buffer.len());
    if let (Some(from), Some(to)) = (first.get(..count), buffer.get_mut(..count)) {
        to.copy_from_slice(from);
    }
    first.advance(count);
    if first.is_empty() {
        queue.pop_front();
    }
    count
}

impl Read for Search {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.answers.is_empty() && !self.over {
            match self.fetch.next() {
                Next::Period(_, Fetched::All { answers, missing, .. }) => {
                    queue(&mut self.answers, answers);
                    self.missing += missing;
                }
                Next::Period(_, Fetched::Failed(error)) => return Err(self.end(error)),
                Next::Period(_, Fetched::Same | Fetched::Other | Fetched::Cut(_)) => (),
                // Whoever reads may want to stop.
                Next::Wait => return Err(io::ErrorKind::Interrupted.into()),
                Next::End if self.missing > 0 => {
                    let error = unaccounted(self.missing);
                    return Err(self.end(error));
                }
                Next::End => self.over = true,
            }
        }
        Ok(take(&mut self.answers, buffer))
    }
}

/// What is said where the API has more records than it gives.
pub(crate) fn unaccounted(missing: u64) -> Error {
    let message = format!(
        "the API says that there are {missing} more records than it gives, or their number does not \
         stand still; what it gave was taken"
    );
    Error::new(Code::BadAnswer, message)
}
