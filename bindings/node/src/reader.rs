//! Events of an input, a batch at a time, read outside of the event loop.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use napi::ScopedTask;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use nhn_cloudtrail::{
    Code, Error as CoreError, Event as CoreEvent, Item, Progress, Reader as CoreReader,
    ReaderBuilder, Reject as CoreReject, Stats as CoreStats, guarded,
};
use nhn_cloudtrail_collect::{Client as CoreClient, Query};

use crate::apart::apart;
use crate::client::{Client, Wanted};
use crate::errors::{is_final, made, run, run_plainly, thrown};
use crate::options::{OnError, Options, Stop};
use crate::records::{Packed, Records};
use crate::storage::Buckets;
use crate::values::{Reject, Stats};

/// How many bytes of records make a batch, so that neither the batches are many nor the event loop
/// waits long for one to be dealt with.
const BATCH: usize = 1 << 20;
/// How many events, and how many rejects, it has at the most.
const EVENTS: usize = 4096;

/// Pieces of a stream that JavaScript hands over.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<Pieces>>);

#[derive(Default)]
struct Pieces {
    waiting: VecDeque<io::Cursor<Vec<u8>>>,
    /// What comes after them: nothing for now, the end, or a failure.
    end: Option<io::Result<()>>,
}

impl Feed {
    fn with<T>(&self, work: impl FnOnce(&mut Pieces) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(|pieces| {
            while let Some(piece) = pieces.waiting.front_mut() {
                let count = piece.read(buffer)?;
                if count > 0 {
                    return Ok(count);
                }
                pieces.waiting.pop_front();
            }
            match &mut pieces.end {
                Some(end) => std::mem::replace(end, Ok(())).map(|()| 0),
                None => Err(io::ErrorKind::WouldBlock.into()),
            }
        })
    }
}

/// What a step of reading came to.
#[derive(Default)]
pub struct Step {
    events: Packed,
    /// An event that cannot be packed with these: the first of the next step.
    next: Option<CoreEvent>,
    rejects: Vec<CoreReject>,
    errors: Vec<CoreError>,
    stats: CoreStats,
    end: End,
}

#[derive(Default)]
enum End {
    #[default]
    More,
    /// More of the stream is wanted.
    Waiting,
    Over,
    Failed(CoreError),
}

impl Step {
    /// Reads a batch's worth, or as far as can be read for now.
    fn of(
        reader: &mut CoreReader,
        on_error: OnError,
        events: Packed,
        first: Option<CoreEvent>,
    ) -> Self {
        let mut step = Step { events, ..Step::default() };
        first.iter().for_each(|event| step.events.push(event));
        let mut bytes = 0;
        while step.events.size() + bytes < BATCH
            && step.events.len() < EVENTS
            && step.rejects.len() < EVENTS
        {
            let found = match reader.next_item() {
                None => {
                    step.end = End::Over;
                    break;
                }
                Some(Err(error)) if error.code() == Code::WouldBlock => {
                    step.end = End::Waiting;
                    break;
                }
                Some(found) => found,
            };
            let failed = match (found, on_error) {
                (Ok(Item::Event(event)), _) if !step.events.takes(&event) => {
                    step.next = Some(event);
                    break;
                }
                (Ok(Item::Event(event)), _) => {
                    step.events.push(&event);
                    None
                }
                (Ok(Item::Reject(reject)), OnError::Raise) => Some(reject.into()),
                (Ok(Item::Reject(_)), OnError::Skip) => None,
                (Ok(Item::Reject(reject)), OnError::Collect) => {
                    bytes += reject.raw().len();
                    step.rejects.push(reject);
                    None
                }
                (Err(error), OnError::Raise) => Some(error),
                (Err(error), _) if is_final(&error) => Some(error),
                (Err(error), _) => {
                    step.errors.push(error);
                    None
                }
            };
            if let Some(error) = failed {
                step.end = End::Failed(error);
                break;
            }
        }
        step.stats = reader.stats();
        step
    }
}

/// A step, for JavaScript.
#[napi(object, object_from_js = false)]
pub struct Given<'env> {
    pub records: Option<Records<'env>>,
    pub rejects: Vec<Reject>,
    pub errors: Vec<Unknown<'env>>,
    pub stats: Stats,
    /// `more`, `waiting` for more of the stream, or `over`.
    pub state: &'static str,
    /// What is to be thrown after the batch.
    pub failure: Option<Unknown<'env>>,
}

impl<'env> Given<'env> {
    /// What JavaScript is given, and what it was made of.
    fn new(env: &'env Env, step: Step) -> Result<(Self, Packed)> {
        // INVARIANT: only a step of `parse` has a next event, and that gives no step to JavaScript.
        let Step { events, rejects, errors, stats, end, next: _ } = step;
        let records = if events.is_empty() { None } else { Some(Records::new(env, &events)?) };
        let given = Self {
            records,
            rejects: rejects.iter().map(Reject::new).collect(),
            errors: errors.iter().map(|error| made(env, error)).collect::<Result<_>>()?,
            stats: Stats::new(stats),
            state: match end {
                End::More => "more",
                End::Waiting => "waiting",
                End::Over | End::Failed(_) => "over",
            },
            failure: match end {
                End::Failed(error) => Some(made(env, &error)?),
                _ => None,
            },
        };
        Ok((given, events))
    }
}

/// What is read.
enum Input {
    Paths(Vec<PathBuf>),
    Bytes(Vec<u8>),
    Stream(Feed),
    Search(Box<(CoreClient, Query)>),
}

#[derive(Default)]
enum State {
    /// It is opened in another thread too: a folder may be large, and a disk slow.
    Unopened(Box<ReaderBuilder>, Input),
    Open(Box<CoreReader>),
    #[default]
    Closed,
}

/// What a reader and its steps share.
struct Shared {
    state: Mutex<State>,
    on_error: OnError,
    stop: Stop,
    feed: Feed,
    progress: OnceLock<Progress>,
    /// Memory for records, which JavaScript has copied: most time went into fetching it anew.
    spare: Mutex<Vec<Packed>>,
    /// A step that JavaScript has not taken yet.
    ready: Mutex<Option<Step>>,
}

impl Shared {
    fn new(builder: ReaderBuilder, input: Input, on_error: OnError, stop: Stop) -> Arc<Self> {
        let feed = match &input {
            Input::Stream(feed) => feed.clone(),
            _ => Feed::default(),
        };
        Arc::new(Self {
            state: Mutex::new(State::Unopened(Box::new(builder), input)),
            on_error,
            stop,
            feed,
            progress: OnceLock::new(),
            spare: Mutex::default(),
            ready: Mutex::default(),
        })
    }

    /// A step for JavaScript, which copies it.
    fn give<'env>(&self, env: &'env Env, step: Step) -> Result<Given<'env>> {
        let (given, packed) = Given::new(env, step)?;
        if !self.stop.load(Ordering::Relaxed) {
            self.spare().push(packed.cleared());
        }
        Ok(given)
    }

    fn step(&self) -> Step {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = match std::mem::take(&mut *state) {
            State::Unopened(builder, Input::Paths(paths)) => builder.open(paths),
            State::Unopened(builder, Input::Bytes(bytes)) => builder.from_bytes(bytes),
            State::Unopened(builder, Input::Stream(feed)) => builder.from_reader(feed),
            State::Unopened(builder, Input::Search(search)) => {
                let (client, query) = *search;
                client.search_with(query, *builder)
            }
            State::Open(reader) => Ok(*reader),
            State::Closed => return Step { end: End::Over, ..Step::default() },
        };
        let mut reader = match opened {
            Ok(reader) => reader,
            Err(error) => return Step { end: End::Failed(error), ..Step::default() },
        };
        self.progress.get_or_init(|| reader.progress());
        let events = self.spare().pop().unwrap_or_default();
        let step = Step::of(&mut reader, self.on_error, events, None);
        // Else its files are closed.
        if matches!(step.end, End::More | End::Waiting) && !self.stop.load(Ordering::Relaxed) {
            *state = State::Open(Box::new(reader));
        }
        step
    }

    fn ready(&self) -> MutexGuard<'_, Option<Step>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Packed>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A step, as work for another thread.
pub struct Next(Arc<Shared>);

impl<'task> ScopedTask<'task> for Next {
    type Output = nhn_cloudtrail::Result<Step>;
    type JsValue = Given<'task>;

    fn compute(&mut self) -> Result<Self::Output> {
        Ok(guarded(|| self.0.step()))
    }

    fn resolve(&mut self, env: &'task Env, output: Self::Output) -> Result<Self::JsValue> {
        self.0.give(env, output.map_err(|error| thrown(env, &error))?)
    }
}

/// Reads events.
#[napi]
pub struct Reader(Arc<Shared>);

#[napi]
impl Reader {
    /// A reader of paths, of bytes, or, without either, of a stream.
    #[napi(factory)]
    pub fn open(
        paths: Option<Vec<String>>,
        bytes: Option<&[u8]>,
        options: &Options,
        buckets: Option<ClassInstance<'_, Buckets>>,
    ) -> Self {
        let stop = Stop::default();
        let mut builder = options.reader(&stop);
        if let Some(buckets) = buckets {
            builder = builder.store(Arc::new(buckets.core().clone()));
        }
        let input = match (paths, bytes) {
            (Some(paths), _) => Input::Paths(paths.into_iter().map(PathBuf::from).collect()),
            (None, Some(bytes)) => Input::Bytes(bytes.to_vec()),
            (None, None) => Input::Stream(Feed::default()),
        };
        Self(Shared::new(builder, input, options.on_error, stop))
    }

    /// A reader of what a search finds.
    #[napi(factory)]
    pub fn search(env: &Env, client: &Client, wanted: Wanted, options: &Options) -> Result<Self> {
        let query = run_plainly(env, || wanted.query())?;
        let stop = Stop::default();
        let input = Input::Search(Box::new((client.core().clone(), query)));
        Ok(Self(Shared::new(options.reader(&stop), input, options.on_error, stop)))
    }

    /// The next batch.
    #[napi(ts_return_type = "Promise<Given>")]
    pub fn next(&self) -> AsyncTask<Next> {
        AsyncTask::new(Next(self.0.clone()))
    }

    /// Has the next batch read apart from libuv's threads, to be taken then.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn wait<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let shared = self.0.clone();
        let work = move || {
            let step = shared.step();
            *shared.ready() = Some(step);
            Ok(())
        };
        apart(env, work, |()| ())
    }

    /// The batch that was waited for.
    #[napi]
    pub fn take<'env>(&self, env: &'env Env) -> Result<Given<'env>> {
        let step = self.0.ready().take();
        self.0.give(env, step.unwrap_or_default())
    }

    /// Hands over a piece of the stream.
    #[napi]
    pub fn push(&self, piece: &[u8]) {
        self.0.feed.with(|pieces| pieces.waiting.push_back(io::Cursor::new(piece.to_vec())));
    }

    /// Says that the stream has ended, or failed.
    #[napi]
    pub fn end(&self, failed: bool) {
        let end = if failed { Err(io::Error::other("the stream failed")) } else { Ok(()) };
        self.0.feed.with(|pieces| pieces.end = Some(end));
    }

    /// Has a step that is under way end soon.
    #[napi]
    pub fn stop(&self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }

    /// Reads no more, closes the files, and lets go of memory: JavaScript, which does not see how much that
    /// is, may keep the reader for long. No step must be under way.
    #[napi]
    pub fn close(&self) {
        self.stop();
        if let Ok(mut state) = self.0.state.try_lock() {
            *state = State::Closed;
        }
        self.0.feed.with(|pieces| pieces.waiting.clear());
        *self.0.spare() = Vec::new();
        *self.0.ready() = None;
    }

    #[napi(getter)]
    pub fn bytes_read(&self) -> f64 {
        self.0.progress.get().map_or(0.0, |progress| progress.bytes_read() as f64)
    }

    #[napi(getter)]
    pub fn bytes_total(&self) -> Option<f64> {
        let total = self.0.progress.get().and_then(Progress::bytes_total);
        total.map(|bytes| bytes as f64)
    }
}

/// All events of bytes in hand, which JavaScript must not write into any more.
#[napi]
pub fn parse<'env>(env: &'env Env, bytes: Buffer, options: &Options) -> Result<Vec<Records<'env>>> {
    let mut events = Packed::of(&bytes);
    let mut reader = run(env, || options.reader(&Stop::default()).from_owner(bytes))?;
    let mut all = Vec::new();
    let mut first = None;
    loop {
        let step = run(env, || Ok(Step::of(&mut reader, options.on_error, events, first)))?;
        if !step.events.is_empty() {
            all.push(Records::new(env, &step.events)?);
        }
        // The next event is not in the input, nor are those after it packed as if they were.
        (events, first) = (step.events.cleared(), step.next);
        match (step.end, step.errors.first()) {
            (End::Failed(error), _) => return Err(thrown(env, &error)),
            (_, Some(error)) => return Err(thrown(env, error)),
            (End::Over | End::Waiting, None) => return Ok(all),
            (End::More, None) => (),
        }
    }
}
