//! The query API.

use std::path::Path;
use std::time::Duration;

use napi::Env;
use napi_derive::napi;
use nhn_cloudtrail::{Code, Error, Result, instant};
use nhn_cloudtrail_collect::{Client as Core, Member, Query, Settings};

use crate::errors::run_plainly;
use crate::storage::exposed;

/// What a client is made of, as TypeScript has checked it.
#[napi(object)]
pub struct Access {
    pub base_url: Option<String>,
    pub app_key: Option<String>,
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<String>,
    pub config: Option<String>,
    pub api: Option<String>,
    pub concurrency: Option<f64>,
    pub rate: Option<f64>,
    pub retries: Option<f64>,
    /// In milliseconds.
    pub timeout: Option<f64>,
    pub page_size: Option<f64>,
}

/// What is searched for.
#[napi(object)]
pub struct Wanted {
    pub since: String,
    pub until: Option<String>,
    pub tz: String,
    pub event_id: Option<String>,
    pub id_no: Option<String>,
    pub member: Option<Acting>,
}

/// An acting member.
#[napi(object)]
pub struct Acting {
    /// `TOAST` or `IAM`.
    pub member_type: String,
    pub email_address: Option<String>,
    pub user_code: Option<String>,
    pub id_no: Option<String>,
}

impl From<Acting> for Member {
    fn from(acting: Acting) -> Self {
        let Acting { member_type, email_address, user_code, id_no } = acting;
        match member_type.as_str() {
            "IAM" => Self::Iam { user_code: user_code.unwrap_or_default(), id_no },
            _ => Self::Toast { email_address: email_address.unwrap_or_default(), id_no },
        }
    }
}

/// The period from a time to another one.
pub(crate) fn period(since: &str, until: Option<&str>, tz: &str) -> Result<Query> {
    let time = |name: &str, text: &str, after| {
        instant(text, tz, after)
            .map_err(|error| Error::new(error.code(), format!("{name}: {error}")))
    };
    let query = Query::since(time("since", since, false)?);
    match until {
        Some(until) => Ok(query.until(time("until", until, true)?)),
        None => Ok(query),
    }
}

impl Wanted {
    pub(crate) fn query(self) -> Result<Query> {
        let Self { since, until, tz, event_id, id_no, member } = self;
        let mut query = period(&since, until.as_deref(), &tz)?;
        if let Some(event_id) = event_id {
            query = query.event_id(event_id);
        }
        if let Some(id_no) = id_no {
            query = query.id_no(id_no);
        }
        if let Some(member) = member {
            query = query.member(member.into());
        }
        Ok(query)
    }
}

/// Asks the query API.
#[napi]
pub struct Client {
    core: Core,
    exposed: Option<String>,
}

impl Client {
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }
}

#[napi]
impl Client {
    /// Adds what the environment and the config file say. Nothing is asked yet.
    #[napi(constructor)]
    pub fn new(env: &Env, given: Access) -> napi::Result<Self> {
        run_plainly(env, || Self::of(given))
    }

    fn of(given: Access) -> Result<Self> {
        let mut settings = Settings::default();
        settings.base_url = given.base_url;
        settings.app_key = given.app_key.map(Into::into);
        settings.access_key_id = given.access_key_id.map(Into::into);
        settings.secret_access_key = given.secret_access_key.map(Into::into);
        let settings = settings.complete(given.config.as_deref().map(Path::new))?;
        let exposed = exposed(&settings);
        let mut builder = Core::builder(settings);
        if let Some(api) = given.api {
            builder = builder.api(api.parse()?);
        }
        if let Some(concurrency) = given.concurrency {
            builder = builder.concurrency(concurrency as usize);
        }
        if let Some(rate) = given.rate {
            builder = builder.rate(rate);
        }
        if let Some(retries) = given.retries {
            builder = builder.retries(retries as u32);
        }
        if let Some(timeout) = given.timeout {
            let timeout = Duration::try_from_secs_f64(timeout / 1000.0);
            builder = builder.timeout(timeout.map_err(|error| {
                Error::new(Code::InvalidOption, "timeout: no span of time").caused_by(error)
            })?);
        }
        if let Some(page_size) = given.page_size {
            builder = builder.page_size(page_size as u64);
        }
        Ok(Self { core: builder.build()?, exposed })
    }

    /// A config file that others may read or change.
    #[napi(getter)]
    pub fn exposed(&self) -> Option<&str> {
        self.exposed.as_deref()
    }
}
