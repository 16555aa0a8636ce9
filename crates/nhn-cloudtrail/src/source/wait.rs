//! Streams that another program has made non-blocking, as ssh and Node do with a shared terminal.

use std::io::{self, ErrorKind, Read, Write};
#[cfg(unix)]
use std::os::fd::AsFd as Pollable;
use std::time::Duration;

/// What can be waited for.
#[cfg(not(unix))]
pub trait Pollable {}

#[cfg(not(unix))]
impl<T> Pollable for T {}

/// A stream that waits until it has something to give or takes something, also where its file
/// descriptor is non-blocking.
#[derive(Debug)]
pub struct Waiting<T> {
    stream: T,
    limit: Option<Duration>,
}

impl<T> Waiting<T> {
    /// Waits as long as it takes.
    pub fn new(stream: T) -> Self {
        Self { stream, limit: None }
    }

    /// Waits at most so long for each read and write, which then fail with
    /// [`TimedOut`](ErrorKind::TimedOut).
    pub fn with_limit(stream: T, limit: Duration) -> Self {
        Self { stream, limit: Some(limit) }
    }
}

impl<T: Pollable> Waiting<T> {
    fn retry<R>(
        &mut self,
        event: Event,
        mut act: impl FnMut(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            match act(&mut self.stream) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    wait(&self.stream, event, self.limit, error)?;
                }
                done => return done,
            }
        }
    }
}

impl<T: Read + Pollable> Read for Waiting<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.retry(Event::Input, |stream| stream.read(buffer))
    }
}

impl<T: Write + Pollable> Write for Waiting<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.retry(Event::Output, |stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.retry(Event::Output, Write::flush)
    }
}

#[derive(Clone, Copy)]
enum Event {
    Input,
    Output,
}

/// Waits for one event. A signal ends the waiting with [`Interrupted`](ErrorKind::Interrupted).
#[cfg(unix)]
fn wait(
    stream: &impl Pollable,
    event: Event,
    limit: Option<Duration>,
    _blocked: io::Error,
) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let flags = match event {
        Event::Input => PollFlags::IN,
        Event::Output => PollFlags::OUT,
    };
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    match poll(&mut [PollFd::new(stream, flags)], limit.as_ref())? {
        0 => Err(ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn wait(
    _stream: &impl Pollable,
    _event: Event,
    _limit: Option<Duration>,
    blocked: io::Error,
) -> io::Result<()> {
    Err(blocked)
}
