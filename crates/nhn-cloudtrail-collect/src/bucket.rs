//! Buckets of Object Storage as sources: `s3://bucket/prefix`.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use nhn_cloudtrail::{Code, Error, Position, Result, Store, Stored};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::{ClientOptions, ObjectMeta, ObjectStoreExt};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::timeout;

use crate::ledger::Object;
use crate::settings::BucketSettings;

/// How many objects are fetched at a time, the one that is read among them.
const AHEAD: usize = 4;

/// How long a read waits before it lets whoever reads look up.
const GLANCE: Duration = Duration::from_millis(50);

/// How many pieces of an object may wait to be read.
const PIECES: usize = 64;

/// Object Storage, as a store of files for a reader.
///
/// ```no_run
/// use std::sync::Arc;
/// use nhn_cloudtrail::Reader;
/// use nhn_cloudtrail_collect::{Buckets, Settings};
///
/// let buckets = Buckets::new(Settings::default().complete(None)?.object_storage)?;
/// let reader = Reader::builder().store(Arc::new(buckets)).open(["s3://audit/cloudtrail/2026"])?;
/// # Ok::<(), nhn_cloudtrail::Error>(())
/// ```
///
/// A source `s3://bucket/prefix` stands for all objects whose name begins with the prefix, in the order
/// of their names. Some are fetched ahead of the one that is read, and what breaks off is fetched on from
/// where it broke.
#[derive(Clone)]
pub struct Buckets(Arc<Shared>);

struct Shared {
    settings: BucketSettings,
    runtime: Option<Runtime>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // What is under way nobody waits for any more.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

/// The bucket and the prefix of a URL.
fn parts(source: &str) -> Option<(&str, &str)> {
    let rest = source.strip_prefix("s3://")?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

impl Buckets {
    /// Buckets that these settings reach. Nothing is asked before a source is opened.
    ///
    /// # Errors
    ///
    /// `IO` where no threads can be started.
    pub fn new(settings: BucketSettings) -> Result<Self> {
        // Whoever embeds this may have installed another one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("nhn-cloudtrail")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(Code::Io, "no thread can be started to fetch objects").caused_by(error)
            })?;
        Ok(Self(Arc::new(Shared { settings, runtime: Some(runtime) })))
    }

    /// Whether a source is a bucket: its name begins with `s3://`.
    pub fn is_source(source: &Path) -> bool {
        source.as_os_str().as_encoded_bytes().starts_with(b"s3://")
    }

    /// The objects of a source, in the order of their names.
    pub(crate) fn list(&self, source: &str) -> Result<Objects> {
        let (store, bucket, prefix) = self.open(source)?;
        let store = Arc::new(store);
        let listed = async {
            let mut list: Vec<ObjectMeta> = Vec::new();
            let mut options = PaginatedListOptions::default();
            loop {
                let wanted = Some(prefix).filter(|prefix| !prefix.is_empty());
                let page = store.list_paginated(wanted, options).await?;
                list.extend(page.result.objects);
                options =
                    PaginatedListOptions { page_token: page.page_token, ..Default::default() };
                if options.page_token.is_none() {
                    return Ok(list);
                }
            }
        };
        let mut list = self.wait(listed).map_err(|error| told(source, error))?;
        // An empty one may stand for a folder.
        list.retain(|object| object.size > 0 && object.location.as_ref().starts_with(prefix));
        list.sort_by(|a, b| a.location.cmp(&b.location));
        if list.is_empty() {
            let message = "no object to read: there is none whose name begins so, or all are empty";
            return Err(Error::new(Code::NotFound, message).at(place(source)));
        }
        Ok(Objects { buckets: self.clone(), bucket: bucket.to_owned(), store, list })
    }

    fn wait<T>(
        &self,
        work: impl Future<Output = object_store::Result<T>>,
    ) -> object_store::Result<T> {
        match &self.0.runtime {
            Some(runtime) => runtime.block_on(work),
            // Only dropping takes it.
            None => Err(object_store::Error::NotImplemented {
                operation: "asking a bucket".to_owned(),
                implementer: "nhn-cloudtrail".to_owned(),
            }),
        }
    }

    /// What asks for the objects of a source, its bucket, and its prefix. Nothing is asked yet.
    pub(crate) fn open<'a>(&self, source: &'a str) -> Result<(AmazonS3, &'a str, &'a str)> {
        let (bucket, prefix) =
            parts(source).filter(|(bucket, _)| !bucket.is_empty()).ok_or_else(|| {
                wrong(source, "this is no bucket: give s3://bucket or s3://bucket/prefix")
            })?;
        let BucketSettings { endpoint, region, access_key_id, secret_access_key } =
            &self.0.settings;
        let missing = |what: &str, variable: &str| {
            wrong(source, format!("{what} of Object Storage is missing: set {variable}"))
        };
        let endpoint = endpoint
            .as_deref()
            .ok_or_else(|| missing("the endpoint", "--endpoint, or NHN_CLOUDTRAIL_S3_ENDPOINT"))?;
        let region = region.as_deref().ok_or_else(|| {
            missing(
                "the region",
                "--region (of read and the like --bucket-region), or NHN_CLOUDTRAIL_S3_REGION",
            )
        })?;
        let id = access_key_id
            .as_ref()
            .ok_or_else(|| missing("the access key", "NHN_CLOUDTRAIL_S3_ACCESS_KEY_ID"))?;
        let secret = secret_access_key
            .as_ref()
            .ok_or_else(|| missing("the secret key", "NHN_CLOUDTRAIL_S3_SECRET_ACCESS_KEY"))?;
        let is_plain = endpoint.starts_with("http://");
        let store = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_endpoint(endpoint.trim_end_matches('/'))
            .with_region(region)
            .with_access_key_id(id.reveal())
            .with_secret_access_key(secret.reveal())
            .with_virtual_hosted_style_request(false)
            .with_client_options(ClientOptions::new().with_allow_http(is_plain))
            .build()
            .map_err(|error| wrong(source, "the bucket cannot be reached so").caused_by(error))?;
        Ok((store, bucket, prefix))
    }
}

impl Store for Buckets {
    fn find(&self, source: &Path) -> Option<Result<Vec<Stored>>> {
        if !Self::is_source(source) {
            return None;
        }
        let source = source.to_string_lossy();
        Some(self.list(&source).map(|objects| objects.files(0..objects.len())))
    }
}

/// The objects of a source.
pub(crate) struct Objects {
    buckets: Buckets,
    bucket: String,
    store: Arc<AmazonS3>,
    list: Vec<ObjectMeta>,
}

impl Objects {
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    fn name(&self, object: &ObjectMeta) -> String {
        format!("s3://{}/{}", self.bucket, object.location)
    }

    /// What the ledger says of each object.
    pub(crate) fn recorded(&self) -> Vec<Object> {
        let object = |object: &ObjectMeta| Object {
            name: self.name(object),
            bytes: object.size,
            version: object.e_tag.clone().unwrap_or_else(|| object.last_modified.to_rfc3339()),
        };
        self.list.iter().map(object).collect()
    }

    /// Some of the objects, to be read in this order.
    pub(crate) fn files(&self, chosen: impl IntoIterator<Item = usize>) -> Vec<Stored> {
        let list: Vec<ObjectMeta> =
            chosen.into_iter().filter_map(|index| self.list.get(index).cloned()).collect();
        let names: Vec<String> = list.iter().map(|object| self.name(object)).collect();
        let sizes: Vec<u64> = list.iter().map(|object| object.size).collect();
        let ahead = Arc::new(Ahead {
            buckets: self.buckets.clone(),
            store: self.store.clone(),
            todo: Mutex::new(names.iter().cloned().zip(list).collect()),
            begun: Mutex::default(),
        });
        let file = |(name, size): (String, u64)| {
            let (ahead, wanted) = (ahead.clone(), name.clone());
            Stored::new(name, Some(size), move || ahead.open(&wanted))
        };
        names.into_iter().zip(sizes).map(file).collect()
    }
}

/// Objects that are fetched ahead of the one that is read.
struct Ahead {
    buckets: Buckets,
    store: Arc<AmazonS3>,
    todo: Mutex<VecDeque<(String, ObjectMeta)>>,
    begun: Mutex<VecDeque<(String, Receiver<Piece>)>>,
}

type Piece = Result<Bytes, object_store::Error>;

impl Ahead {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let mut todo = self.todo.lock().unwrap_or_else(PoisonError::into_inner);
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        // They are opened in their order, so what stands before it will not be asked for.
        while begun.front().is_some_and(|(other, _)| other != name) {
            begun.pop_front();
        }
        while begun.len() < AHEAD
            && let Some((name, object)) = todo.pop_front()
        {
            begun.push_back((name, self.fetch(object)));
        }
        match begun.pop_front() {
            Some((name, pieces)) => Ok(Box::new(Fetched {
                buckets: self.buckets.clone(),
                name,
                pieces,
                piece: Bytes::new(),
            })),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn fetch(&self, object: ObjectMeta) -> Receiver<Piece> {
        let (sender, pieces) = channel(PIECES);
        let store = self.store.clone();
        let fetch = async move {
            let mut stream = match store.get(&object.location).await {
                Ok(got) => got.into_stream(),
                Err(error) => {
                    let _ = sender.send(Err(error)).await;
                    return;
                }
            };
            // Whoever reads may have gone.
            while let Some(piece) = stream.next().await
                && sender.send(piece).await.is_ok()
            {}
        };
        if let Some(runtime) = &self.buckets.0.runtime {
            runtime.spawn(fetch);
        }
        pieces
    }
}

/// An object that is being fetched.
struct Fetched {
    /// Has the threads.
    buckets: Buckets,
    name: String,
    pieces: Receiver<Piece>,
    piece: Bytes,
}

impl Read for Fetched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let next = async { timeout(GLANCE, self.pieces.recv()).await };
            let Some(runtime) = &self.buckets.0.runtime else { return Ok(0) };
            match runtime.block_on(next) {
                Ok(Some(Ok(piece))) => self.piece = piece,
                Ok(Some(Err(error))) => return Err(io::Error::other(told(&self.name, error))),
                Ok(None) => return Ok(0),
                // Whoever reads may want to stop.
                Err(_) => return Err(io::ErrorKind::Interrupted.into()),
            }
        }
        let count = self.piece.len().min(buffer.len());
        if let (Some(from), Some(to)) = (self.piece.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.piece.advance(count);
        Ok(count)
    }
}

const REFUSED: &str = "Object Storage refuses: check the access key, the secret key, the region, and \
                       whether the key may read the bucket";

fn told(source: &str, error: object_store::Error) -> Error {
    use object_store::Error as Storage;
    // Of a list the library says no more than the text of the answer.
    let text = error.to_string();
    let says = |status: &str| text.contains(&format!("status code: {status}"));
    let (code, message) = match &error {
        Storage::NotFound { .. } => (Code::NotFound, "there is no such bucket or object"),
        Storage::Generic { .. } if says("404") => (Code::NotFound, "there is no such bucket"),
        Storage::PermissionDenied { .. } | Storage::Unauthenticated { .. } => {
            (Code::Refused, REFUSED)
        }
        Storage::Generic { .. } if says("401") || says("403") => (Code::Refused, REFUSED),

        Storage::Precondition { .. } => {
            (Code::BadAnswer, "the object was changed while it was read")
        }
        _ => (Code::Network, "Object Storage could not be asked, or broke off"),
    };
    // The answer itself, which it may end with, has the key's name in it.
    let cause =
        text.split(['<', '\n']).next().unwrap_or_default().trim_end_matches([' ', ':']).to_owned();
    Error::new(code, message).at(place(source)).caused_by(cause)
}

fn wrong(source: &str, message: impl Into<String>) -> Error {
    Error::new(Code::InvalidOption, message).at(place(source))
}

fn place(source: &str) -> Position {
    let mut place = Position::default();
    place.source = Some(source.into());
    place
}
