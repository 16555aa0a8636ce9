//! Buckets of Object Storage as sources: `s3://bucket/prefix`.

mod http;
mod list;

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use glob::Pattern;
use nhn_cloudtrail::{Code, Error, Position, Result, Store, Stored};
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::client::HttpClient;
use object_store::{ClientOptions, GetOptions, ObjectStore};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use crate::ledger::Object;
use crate::mask::Mask;
use crate::network::{check_proxy, endpoint, is_loopback};
use crate::settings::{BucketSettings, Secret};
use list::{Listed, Lister};

/// Number of objects that are fetched at the same time, including the one that is being read.
const AHEAD: usize = 4;

/// How long a read waits before it returns to let the caller check for cancellation.
const GLANCE: Duration = Duration::from_millis(50);

/// Maximum number of chunks of an object that wait to be read.
const PIECES: usize = 64;

/// Object Storage as a store of files for a reader.
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
/// A source `s3://bucket/prefix` selects all objects whose names begin with the prefix, in the order of
/// their names. Some objects are fetched ahead of the one that is being read. An interrupted download
/// resumes at the byte where it stopped.
#[derive(Clone)]
pub struct Buckets(Arc<Shared>);

struct Shared {
    settings: BucketSettings,
    /// Masks keys in messages.
    mask: Mask,
    runtime: Option<Runtime>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Running requests are no longer needed.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

/// Splits a URL into the bucket and the prefix.
fn parts(source: &str) -> Option<(&str, &str)> {
    let rest = source.strip_prefix("s3://")?;
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

impl Buckets {
    /// Creates a store from these settings. No request is sent before a source is opened.
    ///
    /// # Errors
    ///
    /// `IO` if the threads cannot be started.
    pub fn new(settings: BucketSettings) -> Result<Self> {
        // The program that embeds this library may have installed another provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("nhn-cloudtrail")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(Code::Io, "no thread can be started to fetch objects").caused_by(error)
            })?;
        let keys = settings.access_key_id.iter().chain(&settings.secret_access_key);
        let mask = Mask::new(keys);
        Ok(Self(Arc::new(Shared { settings, mask, runtime: Some(runtime) })))
    }

    /// Returns whether a source is a bucket: its name begins with `s3://`.
    pub fn is_source(source: &Path) -> bool {
        source.as_os_str().as_encoded_bytes().starts_with(b"s3://")
    }

    /// Returns the mask for messages about objects.
    pub(crate) fn mask(&self) -> &Mask {
        &self.0.mask
    }

    /// Lists the objects of a source that match none of the patterns, in the order of their names.
    pub(crate) fn list(&self, source: &str, exclude: &[Pattern]) -> Result<Objects> {
        let Opened { store, http, bucket, prefix, url, credential, region } = self.open(source)?;
        let mask = &self.0.mask;
        let lister = Lister { http: &http, url, region, credential, mask };
        let listing =
            self.wait(lister.list(prefix, exclude)).map_err(|error| error.at(place(source)))?;
        if listing.objects.is_empty() && listing.odd.is_empty() {
            let message = "no object to read: no name begins with this prefix, or all objects are empty or \
                           excluded";
            return Err(Error::new(Code::NotFound, message).at(place(source)));
        }
        let odd = listing.odd.into_iter();
        Ok(Objects {
            buckets: self.clone(),
            bucket: bucket.to_owned(),
            region: region.to_owned(),
            store: Arc::new(store),
            list: listing.objects,
            odd: odd.map(|(key, why)| (format!("s3://{bucket}/{key}"), why)).collect(),
        })
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match &self.0.runtime {
            Some(runtime) => runtime.block_on(work),
            // It is only taken on drop.
            None => Err(Error::new(Code::Io, "Object Storage was closed")),
        }
    }

    /// Prepares requests for the objects of a source. No request is sent yet.
    pub(crate) fn open<'a>(&'a self, source: &'a str) -> Result<Opened<'a>> {
        let (bucket, prefix) =
            parts(source).filter(|(bucket, _)| !bucket.is_empty()).ok_or_else(|| {
                wrong(source, "this is no bucket: give s3://bucket or s3://bucket/prefix")
            })?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if !bucket.bytes().all(is_name) || bucket.len() > 255 || matches!(bucket, "." | "..") {
            let message = "not a valid bucket name: only letters, digits, dots, hyphens and underscores \
                           are allowed";
            return Err(wrong(source, message));
        }
        let BucketSettings { endpoint: url, region, access_key_id, secret_access_key } =
            &self.0.settings;
        let missing = |what: &str, variable: &str| {
            wrong(source, format!("{what} of Object Storage is missing: set {variable}"))
        };
        let url = url
            .as_deref()
            .ok_or_else(|| missing("the endpoint", "--endpoint, or NHN_CLOUDTRAIL_S3_ENDPOINT"))?;
        let region = region.as_deref().ok_or_else(|| {
            missing(
                "the region",
                "--region (of read and the like --bucket-region), or NHN_CLOUDTRAIL_S3_REGION",
            )
        })?;
        let id = access_key_id.as_ref().ok_or_else(|| {
            missing("the access key", "NHN_CLOUDTRAIL_S3_ACCESS_KEY_ID, both keys in one place")
        })?;
        let secret = secret_access_key.as_ref().ok_or_else(|| {
            missing("the secret key", "NHN_CLOUDTRAIL_S3_SECRET_ACCESS_KEY, both keys in one place")
        })?;
        if !Secret::is_header(id) || !Secret::is_header(secret) {
            let message = "a key of Object Storage has a space, a line feed or a character beyond \
                           ASCII, which no key has";
            return Err(wrong(source, message));
        }
        if !region.bytes().all(is_name) {
            return Err(wrong(
                source,
                "the region has a character that no region has: give kr1, say",
            ));
        }
        let (url, uri) = endpoint(url, "the endpoint of Object Storage")
            .and_then(|(url, uri)| check_proxy(&uri).map(|()| (url, uri)))
            .map_err(|error| error.at(place(source)))?;
        let is_loopback = is_loopback(uri.host().unwrap_or_default());
        let unreachable = "the bucket cannot be reached so";
        let http = http::client(is_loopback)
            .map_err(|error| wrong(source, unreachable).caused_by(error))?;
        let store = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_endpoint(&url)
            .with_region(region)
            .with_access_key_id(id.reveal())
            .with_secret_access_key(secret.reveal())
            .with_virtual_hosted_style_request(false)
            .with_client_options(ClientOptions::new().with_allow_http(is_loopback))
            .with_http_connector(http::Connector(http.clone()))
            .build()
            .map_err(|error| wrong(source, unreachable).caused_by(error))?;
        let credential = AwsCredential {
            key_id: id.reveal().to_owned(),
            secret_key: secret.reveal().to_owned(),
            token: None,
        };
        let url = format!("{url}/{bucket}");
        Ok(Opened { store, http, bucket, prefix, url, credential, region })
    }
}

/// Requests the objects of a source.
pub(crate) struct Opened<'a> {
    store: AmazonS3,
    http: HttpClient,
    bucket: &'a str,
    prefix: &'a str,
    /// URL of the bucket.
    url: String,
    credential: AwsCredential,
    region: &'a str,
}

impl Store for Buckets {
    fn find(&self, source: &Path) -> Option<Result<Vec<Stored>>> {
        if !Self::is_source(source) {
            return None;
        }
        let source = source.to_string_lossy();
        Some(self.list(&source, &[]).map(|objects| {
            let mut files = objects.files(0..objects.len()).0;
            // Each object that cannot be read becomes a separate error.
            files.extend(objects.odd.into_iter().map(|(name, why)| {
                Stored::new(name.clone(), None, move || {
                    let error = Error::new(Code::NotFound, why).at(place(&name));
                    Err(io::Error::other(error))
                })
            }));
            files
        }))
    }
}

/// The objects of a source.
pub(crate) struct Objects {
    buckets: Buckets,
    bucket: String,
    region: String,
    store: Arc<AmazonS3>,
    list: Vec<Listed>,
    /// Objects whose names cannot be requested, with the reason.
    pub(crate) odd: Vec<(String, &'static str)>,
}

/// Names of the objects that were received with the listed size and ETag.
pub(crate) type SentObjects = Arc<Mutex<HashSet<String>>>;

impl Objects {
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    fn name(&self, object: &Listed) -> String {
        format!("s3://{}/{}", self.bucket, object.path)
    }

    /// Returns the objects as they were listed.
    pub(crate) fn listed(&self) -> Vec<Object> {
        let object = |object: &Listed| Object {
            name: self.name(object),
            bytes: object.size,
            version: object.version.clone(),
        };
        self.list.iter().map(object).collect()
    }

    /// Returns the given objects as files, to be read in this order, and the names of those received so
    /// far.
    pub(crate) fn files(
        &self,
        chosen: impl IntoIterator<Item = usize>,
    ) -> (Vec<Stored>, SentObjects) {
        let list: Vec<Listed> =
            chosen.into_iter().filter_map(|index| self.list.get(index).cloned()).collect();
        let names: Vec<String> = list.iter().map(|object| self.name(object)).collect();
        let sizes: Vec<u64> = list.iter().map(|object| object.size).collect();
        let sent = SentObjects::default();
        let ahead = Arc::new(Ahead {
            buckets: self.buckets.clone(),
            region: self.region.as_str().into(),
            store: self.store.clone(),
            todo: Mutex::new(names.iter().cloned().zip(list).collect()),
            begun: Mutex::default(),
            sent: sent.clone(),
        });
        let file = |(name, size): (String, u64)| {
            let (ahead, wanted) = (ahead.clone(), name.clone());
            Stored::new(name, Some(size), move || ahead.open(&wanted))
        };
        (names.into_iter().zip(sizes).map(file).collect(), sent)
    }
}

/// Objects that are fetched ahead of the one that is being read.
struct Ahead {
    buckets: Buckets,
    region: Arc<str>,
    store: Arc<AmazonS3>,
    todo: Mutex<VecDeque<(String, Listed)>>,
    begun: Mutex<VecDeque<(String, Receiver<Piece>)>>,
    sent: SentObjects,
}

/// A chunk of an object.
enum Piece {
    Bytes(Bytes),
    /// The object was received completely.
    End,
    Failed(object_store::Error),
    /// The received object differs from the listed one.
    Other(String),
}

impl Ahead {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let mut todo = self.todo.lock().unwrap_or_else(PoisonError::into_inner);
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        // Objects are opened in order, so earlier ones are no longer needed.
        while begun.front().is_some_and(|(other, _)| other != name) {
            begun.pop_front();
        }
        while begun.len() < AHEAD
            && let Some((name, object)) = todo.pop_front()
        {
            let pieces = self.fetch(name.clone(), object);
            begun.push_back((name, pieces));
        }
        match begun.pop_front() {
            Some((name, pieces)) => Ok(Box::new(Fetched {
                buckets: self.buckets.clone(),
                region: self.region.clone(),
                name,
                pieces,
                piece: Bytes::new(),
                is_over: false,
            })),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn fetch(&self, name: String, object: Listed) -> Receiver<Piece> {
        let (sender, pieces) = channel(PIECES);
        let (store, sent) = (self.store.clone(), self.sent.clone());
        let fetch = async move {
            let last = fetch(&store, name, &object, &sent, &sender).await;
            // The reader may have been dropped.
            let _ = sender.send(last).await;
        };
        if let Some(runtime) = &self.buckets.0.runtime {
            runtime.spawn(fetch);
        }
        pieces
    }
}

/// Sends the chunks of an object, and returns the last item to send.
async fn fetch(
    store: &AmazonS3,
    name: String,
    object: &Listed,
    sent: &Mutex<HashSet<String>>,
    sender: &Sender<Piece>,
) -> Piece {
    // The object must be the listed version, and stay so when the download resumes.
    let options = GetOptions { if_match: object.e_tag.clone(), ..GetOptions::default() };
    let got = match store.get_opts(&object.path, options).await {
        Ok(got) => got,
        Err(error) => return Piece::Failed(error),
    };
    let is_listed = match (&got.meta.e_tag, &object.e_tag) {
        (Some(got), Some(listed)) => opaque(got) == opaque(listed),
        _ => true,
    };
    if got.meta.size != object.size || !is_listed {
        return Piece::Other("the object was changed after it was listed; run it again".to_owned());
    }
    sent.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
    let mut stream = got.into_stream();
    let mut count = 0;
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => {
                count += piece.len() as u64;
                if sender.send(Piece::Bytes(piece)).await.is_err() {
                    break;
                }
            }
            Err(error) => return Piece::Failed(error),
        }
    }
    match count == object.size {
        true => Piece::End,
        false => Piece::Other(format!("{count} bytes of {} came", object.size)),
    }
}

/// Returns the opaque part of an ETag: a proxy that recompresses a response makes the ETag weak.
fn opaque(e_tag: &str) -> &str {
    e_tag.trim().trim_start_matches("W/").trim_matches('"')
}

/// An object that is being fetched.
struct Fetched {
    /// Keeps the threads alive.
    buckets: Buckets,
    region: Arc<str>,
    name: String,
    pieces: Receiver<Piece>,
    piece: Bytes,
    is_over: bool,
}

impl Read for Fetched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let failed = |error: Error| io::Error::other(error.at(place(&self.name)));
        while self.piece.is_empty() && !self.is_over {
            let next = async { timeout(GLANCE, self.pieces.recv()).await };
            let Some(runtime) = &self.buckets.0.runtime else {
                return Err(failed(Error::new(Code::Io, "Object Storage was closed")));
            };
            match runtime.block_on(next) {
                Ok(Some(Piece::Bytes(piece))) => self.piece = piece,
                Ok(Some(Piece::End)) => self.is_over = true,
                Ok(Some(Piece::Failed(error))) => {
                    let error = http::told(&error, &self.region, &self.buckets.0.mask);
                    return Err(failed(error));
                }
                Ok(Some(Piece::Other(what))) => {
                    return Err(failed(Error::new(Code::BadAnswer, what)));
                }
                // The channel closed without a last chunk, so the object is not complete.
                Ok(None) => {
                    return Err(failed(Error::new(Code::Io, "the object was not fetched")));
                }
                // The caller may want to stop.
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

fn wrong(source: &str, message: impl Into<String>) -> Error {
    Error::new(Code::InvalidOption, message).at(place(source))
}

fn place(source: &str) -> Position {
    let mut place = Position::default();
    place.source = Some(source.into());
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_the_same_however_it_is_written() {
        assert_eq!(opaque("\"a-1\""), "a-1");
        assert_eq!(opaque("W/\"a-1\""), "a-1");
        assert_ne!(opaque("\"a-1\""), opaque("\"a-2\""));
    }
}
