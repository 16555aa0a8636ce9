//! Object Storage, and where what reaches it is found.

use std::path::Path;

use napi::Env;
use napi_derive::napi;
use nhn_cloudtrail_collect::{Buckets as Core, Settings};

use crate::errors::run_plainly;

/// How buckets are reached, as TypeScript gives it.
#[napi(object)]
pub struct Reach {
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<String>,
    pub config: Option<String>,
}

/// Buckets as sources.
#[napi]
pub struct Buckets {
    core: Core,
    exposed: Option<String>,
}

impl Buckets {
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }
}

#[napi]
impl Buckets {
    /// Adds what the environment and the config file say. Nothing is asked yet.
    #[napi(constructor)]
    pub fn new(env: &Env, given: Reach) -> napi::Result<Self> {
        let Reach { endpoint, region, access_key_id, secret_access_key, config } = given;
        let mut settings = Settings::default();
        let storage = &mut settings.object_storage;
        storage.endpoint = endpoint;
        storage.region = region;
        storage.access_key_id = access_key_id.map(Into::into);
        storage.secret_access_key = secret_access_key.map(Into::into);
        run_plainly(env, || {
            let settings = settings.complete(config.as_deref().map(Path::new))?;
            let exposed = exposed(&settings);
            Ok(Self { core: Core::new(settings.object_storage)?, exposed })
        })
    }

    /// A config file that others may read or change.
    #[napi(getter)]
    pub fn exposed(&self) -> Option<&str> {
        self.exposed.as_deref()
    }
}

pub(crate) fn exposed(settings: &Settings) -> Option<String> {
    settings.exposed.as_ref().map(|path| path.to_string_lossy().into_owned())
}

/// Whether others than its owner may read or change a file.
#[napi]
pub fn is_exposed(path: String) -> bool {
    nhn_cloudtrail_collect::is_exposed(Path::new(&path))
}

/// Whether a source is a bucket.
#[napi]
pub fn is_bucket(source: String) -> bool {
    Core::is_source(Path::new(&source))
}
