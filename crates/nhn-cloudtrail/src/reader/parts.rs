//! Reading in several threads: the text is cut into parts that are read apart, and given out in its
//! order, as if one thread had read it all.
//!
//! Text that is line by line is cut at line feeds, and a part is read by a framer of its own. Should
//! that framer end up anywhere but between two lines, the part did not stand for itself (it began a
//! value too large to be taken whole), and the source is read on by its own framer, which decides
//! everything. Text of other shapes is framed by one thread, and only what is made of the events is
//! made by the others.

use std::collections::VecDeque;
use std::io::{self, Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;

use super::dedup::Seen;
use super::frame::{Counts, Draft, Framer, Rejected, Status};
use super::open::{Open, OpenText, Ready, Text};
use super::path::RecordPath;
use super::{Limits, Progress, Reader, Reject, Select, Stats};
use crate::error::{Code, Error, Result};
use crate::event::Batch;
use crate::source::Watch;

/// How many pieces a part is made of: 2 MiB of text, some thousand records.
pub(super) const PIECES: usize = 8;

/// More threads than any machine has cores for are not started.
const MOST_THREADS: usize = 1024;

/// Makes something of events: the columns of a table, or objects of another language.
///
/// Each thread has its own; it is given the events of a part, some at a time, and then asked for
/// what it has made of them.
pub trait Collect: Send + 'static {
    /// What is made of a part.
    type Part: Send + 'static;

    /// Takes events, in their order. Their positions count from the beginning of the part.
    fn add(&mut self, events: &Batch);

    /// Gives what was made of the events since the last call.
    fn finish(&mut self) -> Self::Part;
}

/// What was made of a stretch of the input.
#[derive(Debug)]
pub struct Part<T> {
    /// What was made of the events.
    pub value: T,
    /// Which of the events are to be kept, where there are duplicates among them.
    pub keep: Option<Vec<bool>>,
    /// The source's name.
    pub source: Option<Arc<str>>,
    /// What to add to the record numbers of the events, as they were when they were collected.
    pub records_before: u64,
    /// What could not become an event, in order.
    pub rejects: Vec<Reject>,
}

/// What [`Collect`] makes of the events of all sources, part by part, in order.
///
/// An error about a whole source stands where the source does; reading goes on at the next one.
pub struct Parts<C: Collect> {
    reader: Reader,
    pool: Pool<C>,
    /// What has been begun, in order.
    slots: VecDeque<Slot<C::Part>>,
    /// Sources of which lines are under way, in order.
    running: VecDeque<Box<OpenText>>,
    /// Whether the last of them is still being cut.
    cutting: bool,
    /// The source that comes next, as far as its own framer has read it.
    opened: Option<Open>,
    /// What is left of a source, and to be read by its own framer before anything else.
    rest: Option<Open>,
    spare: Vec<Vec<u8>>,
}

impl<C: Collect> std::fmt::Debug for Parts<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// A stretch of text that is line by line.
struct Lines(Bytes);

enum Slot<P> {
    /// Lines of the first of the running sources.
    Lines {
        lines: Lines,
        done: Receiver<Done<P>>,
    },
    /// What the source's own framer has found.
    Found {
        found: Found,
        done: Receiver<Done<P>>,
    },
    /// The end of the first of the running sources, which its framer reads.
    Rest,
    Failed(Error),
}

/// What was found by a source's own framer.
#[derive(Default)]
struct Found {
    source: Option<Arc<str>>,
    rejects: Vec<Rejected>,
    /// Whether lines and records cannot be numbered, since not all before them was read.
    unnumbered: bool,
}

enum Work {
    Lines(Bytes),
    Batches(Vec<Batch>),
}

/// What a thread gives back.
struct Done<P> {
    value: P,
    filtered: u64,
    /// How many events there are.
    events: u64,
    /// How many of them are not recognized.
    unrecognized: u64,
    nul_bytes: u64,
    /// Of each event, where duplicates are looked for, and whether it is recognized.
    identities: Vec<((u64, u64), bool)>,
    rejects: Vec<Rejected>,
    /// How far the lines went; none where they did not stand for themselves.
    counts: Option<Counts>,
}

/// What a thread needs to know.
#[derive(Clone)]
struct Plan {
    limits: Limits,
    path: Option<Arc<RecordPath>>,
    piece: usize,
    select: Option<Select>,
    dedup: bool,
}

struct Worker<C> {
    plan: Plan,
    collect: C,
}

/// Threads that work, the caller's among them: while it would wait, it works too.
struct Pool<C: Collect> {
    queue: Arc<Queue<C::Part>>,
    threads: Vec<JoinHandle<()>>,
    own: Box<Worker<C>>,
}

/// What waits to be done.
struct Queue<P> {
    jobs: Mutex<Jobs<P>>,
    more: Condvar,
}

struct Jobs<P> {
    waiting: VecDeque<Job<P>>,
    /// Whether none come any more.
    over: bool,
}

type Job<P> = (Work, Sender<Done<P>>);

impl Reader {
    /// Reads in `threads` threads (0: as many as the machine has cores), and gives what `collect`
    /// makes of the events, part by part, in the order of the input. Parts are the same for any number of
    /// threads.
    pub fn into_parts<C: Collect>(self, threads: usize, collect: impl Fn() -> C) -> Parts<C> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads.min(MOST_THREADS),
        };
        let plan = Plan {
            limits: self.limits,
            path: self.path.clone(),
            piece: self.piece,
            select: self.select.clone(),
            dedup: self.dedup.is_some(),
        };
        let pool = Pool::new(threads, || Worker { plan: plan.clone(), collect: collect() });
        Parts {
            reader: self,
            pool,
            slots: VecDeque::new(),
            running: VecDeque::new(),
            cutting: false,
            opened: None,
            rest: None,
            spare: Vec::new(),
        }
    }
}

impl<P> Queue<P> {
    fn lock(&self) -> MutexGuard<'_, Jobs<P>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job; none when there will be no more.
    fn next(&self) -> Option<Job<P>> {
        let mut jobs = self.lock();
        loop {
            if jobs.over {
                return None;
            }
            if let Some(job) = jobs.waiting.pop_front() {
                return Some(job);
            }
            jobs = self.more.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<C: Collect> Pool<C> {
    fn new(threads: usize, worker: impl Fn() -> Worker<C>) -> Self {
        let jobs = Mutex::new(Jobs { waiting: VecDeque::new(), over: false });
        let queue = Arc::new(Queue { jobs, more: Condvar::new() });
        let mut started = Vec::new();
        for _ in 1..threads {
            let queue = queue.clone();
            let mut worker = worker();
            let work = move || {
                while let Some((work, done)) = queue.next() {
                    // Whoever does not want it any more has gone.
                    let _ = done.send(worker.run(work));
                }
            };
            let thread = std::thread::Builder::new().name("nhn-cloudtrail".to_owned());
            // Fewer threads than asked for do as well.
            started.extend(thread.spawn(work).ok());
        }
        Pool { queue, threads: started, own: Box::new(worker()) }
    }

    /// How much may be under way.
    fn most(&self) -> usize {
        if self.threads.is_empty() { 1 } else { self.threads.len() + 2 }
    }

    fn start(&self, work: Work) -> Receiver<Done<C::Part>> {
        let (done, receiver) = mpsc::channel();
        self.queue.lock().waiting.push_back((work, done));
        self.queue.more.notify_one();
        receiver
    }

    /// What was done of a job.
    fn wait(&mut self, done: &Receiver<Done<C::Part>>) -> Result<Done<C::Part>> {
        loop {
            let given = match done.try_recv() {
                Err(TryRecvError::Empty) => {
                    let job = self.queue.lock().waiting.pop_front();
                    match job {
                        Some((work, done)) => {
                            // As in any other thread, a panic of what collects ends the reading.
                            let run = AssertUnwindSafe(|| self.own.run(work));
                            if let Ok(given) = catch_unwind(run) {
                                let _ = done.send(given);
                            }
                            continue;
                        }
                        None => done.recv().ok(),
                    }
                }
                given => given.ok(),
            };
            // The thread has gone without an answer: only a panic does that.
            return given.ok_or_else(|| Error::new(Code::Panic, "a thread that reads has failed"));
        }
    }
}

impl<C: Collect> Drop for Pool<C> {
    fn drop(&mut self) {
        self.queue.lock().over = true;
        self.queue.more.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl<C: Collect> Worker<C> {
    fn run(&mut self, work: Work) -> Done<C::Part> {
        let mut taken = Taken::default();
        let counts = match work {
            Work::Lines(text) => self.lines(&text, &mut taken),
            Work::Batches(batches) => {
                for batch in batches {
                    self.take(batch, &mut taken);
                }
                None
            }
        };
        let Taken { filtered, events, unrecognized, nul_bytes, identities, rejects } = taken;
        let value = self.collect.finish();
        Done { value, filtered, events, unrecognized, nul_bytes, identities, rejects, counts }
    }

    fn take(&mut self, mut batch: Batch, taken: &mut Taken) {
        if let Some(select) = &self.plan.select {
            let before = batch.len();
            batch.retain(|event| select(event));
            taken.filtered += (before - batch.len()) as u64;
        }
        if batch.is_empty() {
            return;
        }
        if self.plan.dedup {
            let identities = batch.iter().map(|event| (event.identity(), event.is_recognized()));
            taken.identities.extend(identities);
        }
        taken.events += batch.len() as u64;
        taken.unrecognized += batch.unrecognized();
        self.collect.add(&batch);
    }

    /// Reads lines, a piece at a time: what is made of a piece is made while it is at hand.
    fn lines(&mut self, text: &Bytes, taken: &mut Taken) -> Option<Counts> {
        let mut framer = Framer::between_lines(self.plan.limits, self.plan.path.clone(), 0);
        let mut from = 0;
        while let Some(piece) = text.get(from..).filter(|rest| !rest.is_empty()) {
            let near = piece.get(..self.plan.piece).unwrap_or(piece);
            // A line longer than a piece is read with all that is left.
            let end = memchr::memrchr(b'\n', near).map_or(piece.len(), |line_feed| line_feed + 1);
            let piece = piece.get(..end).unwrap_or(piece);
            let mut draft = Draft::default();
            if framer.run(piece, false, &mut draft) == Status::Done || !framer.is_between_lines() {
                return None;
            }
            let at = framer.at;
            if at == 0 {
                return None;
            }
            taken.rejects.append(&mut draft.rejects);
            taken.nul_bytes += draft.nul_bytes;
            let bytes = text.slice(from..from + at);
            draft.into_batches(&bytes, framer.base(), None, |batch| self.take(batch, taken));
            framer.rebase();
            from += at;
        }
        Some(Counts { byte: framer.base(), lines: framer.lines_passed(), records: framer.number() })
    }
}

/// What a worker has taken in.
#[derive(Default)]
struct Taken {
    filtered: u64,
    events: u64,
    unrecognized: u64,
    nul_bytes: u64,
    identities: Vec<((u64, u64), bool)>,
    rejects: Vec<Rejected>,
}

impl<C: Collect> Parts<C> {
    /// The counts so far.
    pub fn stats(&self) -> Stats {
        self.reader.stats
    }

    /// How far the reading has come, for another thread to watch.
    pub fn progress(&self) -> Progress {
        self.reader.progress()
    }

    /// The files that are still to be opened, in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.reader.files()
    }

    /// The next part, or an error about a whole source; none at the end of the last.
    pub fn next_part(&mut self) -> Option<Result<Part<C::Part>>> {
        loop {
            if !self.reader.watch.goes_on() {
                let over = self.is_over();
                self.stop();
                return (!over).then(|| Err(Watch::error()));
            }
            if let Some(mut open) = self.rest.take() {
                let mut gathered = Gathered::read(&mut open, self.reader.piece, false);
                match gathered.error.take() {
                    Some(error) => self.slots.push_front(Slot::Failed(error)),
                    None if !gathered.over => self.rest = Some(open),
                    None => (),
                }
                if let Some(found) = self.start(gathered) {
                    self.slots.push_front(found);
                }
            }
            // The rest of a source comes before what was begun after it.
            while self.rest.is_none() && self.slots.len() < self.pool.most() && self.begin() {}
            match self.slots.pop_front()? {
                Slot::Failed(error) => {
                    if error.code() == Code::Interrupted {
                        self.stop();
                    }
                    return Some(Err(error));
                }
                Slot::Rest => self.rest = self.running.pop_front().map(Open::Text),
                Slot::Found { found, done } => {
                    let done = self.pool.wait(&done);
                    let part = done.map(|done| self.part(done, found, Counts::default()));
                    return Some(part.inspect_err(|_| self.stop()));
                }
                Slot::Lines { lines, done } => match self.pool.wait(&done) {
                    Ok(done) => {
                        if let Some(part) = self.lines_done(lines, done) {
                            return Some(Ok(part));
                        }
                    }
                    Err(error) => {
                        self.stop();
                        return Some(Err(error));
                    }
                },
            }
        }
    }

    fn is_over(&self) -> bool {
        let nothing_open = self.opened.is_none() && self.rest.is_none() && self.running.is_empty();
        nothing_open && self.slots.is_empty() && self.reader.sources.is_empty()
    }

    /// Reads nothing any more.
    fn stop(&mut self) {
        self.slots.clear();
        self.running.clear();
        self.reader.sources.clear();
        (self.opened, self.rest, self.cutting) = (None, None, false);
    }

    /// Begins something more; false where there is nothing.
    fn begin(&mut self) -> bool {
        if self.cutting {
            let most = self.reader.piece * PIECES;
            let open = self.running.back_mut();
            let lines = open.and_then(|open| open.cut(most, &mut self.spare));
            self.cutting = lines.is_some();
            self.slots.push_back(match lines {
                Some(lines) => {
                    let work = Work::Lines(lines.0.clone());
                    Slot::Lines { done: self.pool.start(work), lines }
                }
                None => Slot::Rest,
            });
            return true;
        }
        let opened = match self.opened.take() {
            Some(open) => Ok(open),
            None => match self.reader.sources.pop_front() {
                Some(source) => self.reader.open_source(source),
                None => return false,
            },
        };
        match opened {
            Ok(open) => self.read_on(open),
            Err(error) => self.slots.push_back(Slot::Failed(error)),
        }
        true
    }

    /// Lets a source's own framer read on, until there is enough of it for a part, or it stands
    /// between lines.
    fn read_on(&mut self, mut open: Open) {
        let mut gathered = Gathered::read(&mut open, self.reader.piece, true);
        let error = gathered.error.take();
        let over = gathered.over;
        if let Some(found) = self.start(gathered) {
            self.slots.push_back(found);
        }
        self.slots.extend(error.map(Slot::Failed));
        match open {
            _ if over => (),
            Open::Text(text) if text.framer.is_between_lines() => {
                self.running.push_back(text);
                self.cutting = true;
            }
            open => self.opened = Some(open),
        }
    }

    /// Has something made of what a source's own framer found.
    fn start(&mut self, gathered: Gathered) -> Option<Slot<C::Part>> {
        let Gathered { batches, found, skipped, nul_bytes, .. } = gathered;
        self.reader.stats.filtered += skipped;
        self.reader.stats.nul_bytes += nul_bytes;
        if batches.is_empty() && found.rejects.is_empty() {
            return None;
        }
        Some(Slot::Found { found, done: self.pool.start(Work::Batches(batches)) })
    }

    /// What was made of lines; none where they have to be read by their source's own framer, with
    /// all that comes after.
    fn lines_done(&mut self, lines: Lines, done: Done<C::Part>) -> Option<Part<C::Part>> {
        let length = lines.0.len();
        let whole = done.counts.filter(|counts| counts.byte == length as u64);
        let open = self.running.front_mut()?;
        if let Some(counts) = whole {
            let before = open.framer.pass(&counts);
            let (source, unnumbered) = (open.name.clone(), open.cut.before);
            let found = Found { source, rejects: Vec::new(), unnumbered };
            // Text of a stream, which nobody looks at any more.
            if self.spare.len() < self.pool.most()
                && let Ok(text) = lines.0.try_into_mut()
            {
                self.spare.push(text.into());
            }
            return Some(self.part(done, found, before));
        }
        let mut back = vec![lines];
        while let Some(Slot::Lines { .. }) = self.slots.front() {
            if let Some(Slot::Lines { lines, .. }) = self.slots.pop_front() {
                back.push(lines);
            }
        }
        if let Some(Slot::Rest) = self.slots.front() {
            self.slots.pop_front();
        } else {
            self.cutting = false;
        }
        let mut open = self.running.pop_front()?;
        open.put_back(&back);
        self.rest = Some(Open::Text(open));
        None
    }

    fn part(&mut self, done: Done<C::Part>, found: Found, before: Counts) -> Part<C::Part> {
        let mut rejects = found.rejects;
        rejects.extend(done.rejects.into_iter().map(|reject| Rejected {
            number: reject.number + before.records,
            line: reject.line + before.lines,
            byte: reject.byte + before.byte,
            ..reject
        }));
        let stats = &mut self.reader.stats;
        stats.filtered += done.filtered;
        stats.records += done.events + rejects.len() as u64;
        stats.rejects += rejects.len() as u64;
        stats.nul_bytes += done.nul_bytes;
        stats.unrecognized += done.unrecognized;
        let mut duplicates = 0;
        let mut keep = Vec::new();
        if let Some(dedup) = &mut self.reader.dedup {
            for (identity, recognized) in done.identities {
                let seen = dedup.insert(identity);
                stats.unrecognized -= u64::from(seen == Seen::Same && !recognized);
                stats.conflicts += u64::from(seen == Seen::Other);
                duplicates += u64::from(seen == Seen::Same);
                keep.push(seen != Seen::Same);
            }
        }
        stats.duplicates += duplicates;
        stats.events += done.events - duplicates;
        if found.unnumbered {
            rejects.iter_mut().for_each(Rejected::unnumber);
        }
        let source = found.source;
        let rejects =
            rejects.into_iter().map(|reject| reject.into_public(source.clone())).collect();
        Part {
            value: done.value,
            keep: (duplicates > 0).then_some(keep),
            source,
            records_before: before.records,
            rejects,
        }
    }
}

/// What a source's own framer has read at once.
#[derive(Default)]
pub(super) struct Gathered {
    batches: Vec<Batch>,
    found: Found,
    skipped: u64,
    nul_bytes: u64,
    error: Option<Error>,
    /// Whether that was the last of the source.
    over: bool,
}

impl Gathered {
    /// Whether an event comes before anything else.
    pub(super) fn begins_with_event(&self) -> bool {
        let event = self.batches.first().and_then(|batch| batch.get(0));
        let reject = self.found.rejects.first();
        event.is_some_and(|event| reject.is_none_or(|reject| event.position().byte < reject.byte))
    }

    /// Reads on until there is enough for a part, or, with `lines`, until the framer stands between
    /// lines.
    pub(super) fn read(open: &mut Open, piece: usize, lines: bool) -> Self {
        let mut ready = Ready::default();
        let mut gathered = Gathered::default();
        let mut bytes = 0;
        while !gathered.over && bytes < piece * PIECES && ready.error.is_none() {
            gathered.over = open.read(piece, &mut ready);
            gathered.skipped += std::mem::take(&mut ready.skipped);
            for reject in ready.rejects.drain(..) {
                bytes += reject.raw.len();
                gathered.found.rejects.push(reject);
            }
            gathered.nul_bytes += std::mem::take(&mut ready.nul_bytes);
            for batch in ready.batches.drain(..) {
                bytes += batch.text_len();
                gathered.batches.push(batch);
            }
            if let Open::Text(text) = open
                && lines
                && text.framer.is_between_lines()
            {
                break;
            }
        }
        gathered.error = ready.error;
        gathered.found.source = ready.source;
        gathered.found.unnumbered = matches!(open, Open::Text(text) if text.cut.before);
        gathered
    }
}

impl OpenText {
    /// Cuts off as much of the text as ends with a line, `most` bytes or, if a line is longer, more;
    /// none where the source's own framer must read what is left.
    fn cut(&mut self, most: usize, spare: &mut Vec<Vec<u8>>) -> Option<Lines> {
        let longest = most + self.framer.limits().record_bytes;
        match &mut self.text {
            Text::Memory { owner, from, to } => {
                let rest = owner.get(*from..)?;
                let near = rest.get(..most).unwrap_or(rest);
                let far = rest.get(..longest).unwrap_or(rest);
                let length = match memchr::memrchr(b'\n', near) {
                    Some(line_feed) => line_feed + 1,
                    None => memchr::memchr(b'\n', far)? + 1,
                };
                let lines = Lines(owner.slice(*from..*from + length));
                *from += length;
                // The framer has seen nothing of what follows.
                (*to, self.end) = (*from, false);
                Some(lines)
            }
            Text::Stream { input, buffer } => {
                let mut text = spare.pop().unwrap_or_default();
                // How much is read depends on the text alone, not on how large a spare one is.
                let mut room = most.max(buffer.len());
                if text.len() < room {
                    text.resize(room, 0);
                }
                let mut filled = buffer.len();
                text.get_mut(..filled)?.copy_from_slice(buffer);
                let mut seen = 0;
                let length = loop {
                    while !self.end && filled < room {
                        match input.read(text.get_mut(filled..room)?) {
                            Ok(0) => self.end = true,
                            Ok(count) => filled += count,
                            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                            Err(error) => {
                                self.end = true;
                                self.failure = Some(error);
                            }
                        }
                    }
                    let new = text.get(seen..filled)?;
                    if let Some(line_feed) = memchr::memrchr(b'\n', new) {
                        break Some(seen + line_feed + 1);
                    }
                    if self.end || filled > longest {
                        break None;
                    }
                    seen = filled;
                    room = filled * 2;
                    if text.len() < room {
                        text.resize(room, 0);
                    }
                };
                buffer.clear();
                buffer.extend_from_slice(text.get(length.unwrap_or(0)..filled)?);
                Some(Lines(Bytes::from(text).slice(..length?)))
            }
        }
    }

    /// Takes back what was cut off, all from somewhere on.
    fn put_back(&mut self, lines: &[Lines]) {
        match &mut self.text {
            Text::Memory { from, to, .. } => {
                *from -= lines.iter().map(|lines| lines.0.len()).sum::<usize>();
                *to = *from;
            }
            Text::Stream { input, buffer } => {
                let mut back = Vec::new();
                for Lines(text) in lines {
                    back.extend_from_slice(text);
                }
                back.append(buffer);
                let input: Box<dyn Read + Send> = if self.end {
                    Box::new(io::empty())
                } else {
                    std::mem::replace(input, Box::new(io::empty()))
                };
                self.end = false;
                let input = Full { input: Cursor::new(back).chain(input), failure: None };
                self.text = Text::Stream { input: Box::new(input), buffer: Vec::new() };
            }
        }
    }
}

/// Gives as much as is asked for, so that what is read at a time does not depend on how much had
/// been read ahead.
struct Full<R> {
    input: R,
    failure: Option<io::Error>,
}

impl<R: Read> Read for Full<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.input.read(rest) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) if filled == 0 => return Err(error),
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        Ok(filled)
    }
}
