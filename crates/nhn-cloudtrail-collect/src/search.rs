//! A search as a stream of API responses for a reader.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use nhn_cloudtrail::{Error, Result};

use crate::answer::ANSWERS;
use crate::client::{Client, Query};
use crate::fetch::{Fetch, Fetched, Next, Order, Period};
use crate::plan;

/// The responses of a search, one after the other, each on a separate line.
pub(crate) struct Search {
    client: Client,
    query: Query,
    /// The end of the search, in milliseconds since 1970.
    until: i64,
    fetch: Fetch,
    answers: VecDeque<Bytes>,
    /// Why there may be more records than were returned.
    doubt: Option<Error>,
    over: bool,
}

impl Search {
    pub(crate) fn new(client: &Client, query: Query) -> Result<Self> {
        let (since, until) = client.period(&query)?;
        Ok(Self {
            client: client.clone(),
            fetch: fetch(client, &query, since, until)?,
            query,
            until,
            answers: VecDeque::from([Bytes::from_static(ANSWERS)]),
            doubt: None,
            over: false,
        })
    }

    /// Returns the period that remains to be fetched, once the service's clock is known.
    fn rest(&self) -> Result<Option<(i64, i64)>> {
        if self.client.skew().is_none() {
            return Ok(None);
        }
        let (_, until) = self.client.period(&self.query)?;
        let is_late = until - self.until > plan::HOUR;
        Ok(is_late.then_some((self.until - plan::OVERLAP, until)))
    }

    fn end(&mut self, error: Error) -> io::Error {
        self.over = true;
        io::Error::other(error)
    }
}

fn fetch(client: &Client, query: &Query, since: i64, until: i64) -> Result<Fetch> {
    let days = plan::days(since, until).into_iter();
    let periods = days.map(|(from, to)| Period { from, to, known: None, only_compare: false });
    Fetch::new(client, query.only.clone(), periods, Order::OldestFirst, Arc::default())
}

/// Puts each response on a separate line.
pub(crate) fn queue(queue: &mut VecDeque<Bytes>, answers: Vec<Bytes>) {
    for answer in answers {
        queue.extend([answer, Bytes::from_static(b"\n")]);
    }
}

/// Fills `buffer` from the queue.
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
                Next::Period(_, Fetched::All { answers, doubt, .. }) => {
                    queue(&mut self.answers, answers);
                    self.doubt = self.doubt.take().or(doubt);
                }
                Next::Period(_, Fetched::Failed(error)) => return Err(self.end(error)),
                Next::Period(_, Fetched::Same | Fetched::Other | Fetched::Cut(_)) => (),
                // The caller may want to stop.
                Next::Wait => return Err(io::ErrorKind::Interrupted.into()),
                Next::End => {
                    let rest = self.rest().and_then(|rest| {
                        let Some((since, until)) = rest else { return Ok(None) };
                        Ok(Some((until, fetch(&self.client, &self.query, since, until)?)))
                    });
                    match rest {
                        Ok(Some((until, fetch))) => (self.until, self.fetch) = (until, fetch),
                        Ok(None) => match self.doubt.take() {
                            Some(error) => return Err(self.end(error)),
                            None => self.over = true,
                        },
                        Err(error) => return Err(self.end(error)),
                    }
                }
            }
        }
        Ok(take(&mut self.answers, buffer))
    }
}
