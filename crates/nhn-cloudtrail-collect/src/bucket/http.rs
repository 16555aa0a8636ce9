//! HTTP for Object Storage: redirects are not followed, no proxy is used for this machine, and a refusal
//! becomes an error that contains the server's reason.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use nhn_cloudtrail::{Code, Error};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use serde::Deserialize;

use crate::client::EXCERPT;
use crate::mask::Mask;
use crate::network::{NO_TLS, is_tls};

/// The maximum number of bytes read from an error response.
const REASON: usize = 64 << 10;

/// Timeouts for connecting, for the next chunk of a response, and for a whole response. A longer download
/// continues in another request.
const CONNECT: Duration = Duration::from_secs(15);
const PIECE: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(300);

/// Creates a client for requests to Object Storage.
pub(super) fn client(is_loopback: bool) -> Result<HttpClient, reqwest::Error> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("nhn-cloudtrail/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .http1_only()
        .connect_timeout(CONNECT)
        .read_timeout(PIECE)
        .timeout(ANSWER);
    if is_loopback {
        builder = builder.no_proxy();
    }
    Ok(HttpClient::new(Service(builder.build()?)))
}

/// Passes an existing client to the library.
#[derive(Debug)]
pub(super) struct Connector(pub(super) HttpClient);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

#[derive(Debug)]
struct Service(reqwest::Client);

impl HttpService for Service {
    fn call<'a, 'b>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let response = match self.0.call(request.clone()).await {
                // Retried only once: a retry rarely helps after a TLS error.
                Err(error) if is_tls(&error) => self.0.call(request).await.map_err(permanent)?,
                response => response?,
            };
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let (parts, body) = response.into_parts();
            let text = beginning(body).await;
            if matches!(status.as_u16(), 408 | 429 | 500..) {
                return Ok(HttpResponse::from_parts(parts, text.into()));
            }
            let said: Said = quick_xml::de::from_reader(text.as_ref()).unwrap_or_default();
            let region = parts.headers.get("x-amz-bucket-region").and_then(|it| it.to_str().ok());
            let region = region.map(str::to_owned).or(said.region);
            let refusal =
                Refusal { status: status.as_u16(), code: said.code, says: said.message, region };
            Err(HttpError::new(HttpErrorKind::Unknown, refusal))
        })
    }
}

/// Marks a TLS error as permanent, so that the library does not retry.
fn permanent(error: HttpError) -> HttpError {
    if is_tls(&error) { HttpError::new(HttpErrorKind::Unknown, error) } else { error }
}

async fn beginning(body: HttpResponseBody) -> Bytes {
    let mut text = Vec::new();
    let mut pieces = body.bytes_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        let left = REASON - text.len();
        text.extend_from_slice(piece.get(..left.min(piece.len())).unwrap_or_default());
        if text.len() == REASON {
            break;
        }
    }
    text.into()
}

/// The body of an error response.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Said {
    code: Option<String>,
    message: Option<String>,
    region: Option<String>,
}

/// An error response.
#[derive(Debug)]
struct Refusal {
    status: u16,
    code: Option<String>,
    says: Option<String>,
    /// The region of the bucket.
    region: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        for text in [&self.code, &self.says].into_iter().flatten() {
            write!(f, ", {text}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// Describes a failed request in words for the user, without the URL.
pub(super) fn told(
    error: &(dyn std::error::Error + 'static),
    our_region: &str,
    mask: &Mask,
) -> Error {
    let mut next = Some(error);
    let refusal = loop {
        match next {
            None => break None,
            Some(error) => match error.downcast_ref::<Refusal>() {
                Some(refusal) => break Some(refusal),
                None => next = error.source(),
            },
        }
    };
    let Some(refusal) = refusal else {
        let message = match is_tls(error) {
            true => NO_TLS,
            false => "Object Storage could not be asked, or broke off",
        };
        let text = error.to_string();
        // The rest is the response itself, which may repeat what was sent.
        let text = text.split(['<', '\n']).next().unwrap_or_default();
        let cause = mask.excerpt(text.trim_end_matches([' ', ':']), EXCERPT);
        return Error::new(Code::Network, message).caused_by(cause);
    };
    let other_region = refusal.region.as_deref().filter(|region| *region != our_region);
    let (code, message) = match (refusal.status, other_region) {
        (300..=403, Some(region)) => {
            let (region, ours) = (mask.excerpt(region, 40), mask.excerpt(our_region, 40));
            (Code::Refused, format!("the region {ours} is wrong: the bucket is in {region}"))
        }
        (300..=399, None) => (
            Code::Refused,
            "Object Storage leads elsewhere, which is not followed: check the endpoint and the region"
                .to_owned(),
        ),
        (400, _) if refusal.code.as_deref() == Some("AuthorizationHeaderMalformed") => {
            let ours = mask.excerpt(our_region, 40);
            (Code::Refused, format!("Object Storage refuses: check the region, which is {ours}"))
        }
        (401 | 403, _) => (
            Code::Refused,
            "Object Storage refuses: check the access key, the secret key, the region, and whether the \
             key may read the bucket"
                .to_owned(),
        ),
        (404, _) => (Code::NotFound, "there is no such bucket or object".to_owned()),
        (412, _) => {
            (Code::BadAnswer, "the object was changed after it was listed; run it again".to_owned())
        }
        _ => (Code::HttpStatus, "Object Storage refuses the request".to_owned()),
    };
    Error::new(code, message).caused_by(mask.excerpt(&refusal.to_string(), EXCERPT))
}
