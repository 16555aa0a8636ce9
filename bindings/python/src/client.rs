//! The client of the query API.

use std::path::PathBuf;
use std::time::Duration;

use nhn_cloudtrail::{Code, Error, Timestamp};
use nhn_cloudtrail_collect::{Client as Core, Member, Query, Secret, Settings};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{detached, exception};
use crate::options::{Options, count, instant, named, zone};
use crate::reader::Reader;
use crate::storage;

/// The client behind `nhn_cloudtrail.Client`.
#[pyclass(frozen, name = "_Client", module = "nhn_cloudtrail._native")]
pub(crate) struct Client(Core);

impl Client {
    pub(crate) fn core(&self) -> &Core {
        &self.0
    }
}

#[pymethods]
impl Client {
    #[new]
    fn new(py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let get = |key: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
            Ok(options.get_item(key)?.filter(|value| !value.is_none()))
        };
        let text = |key: &str| get(key)?.map(|text| text.extract::<String>()).transpose();
        let secret = |key: &str| text(key).map(|text| text.map(Secret::from));
        let number = |key: &str| get(key)?.map(|number| count(key, &number)).transpose();
        let mut settings = Settings::default();
        settings.base_url = text("base_url")?;
        settings.app_key = secret("app_key")?;
        settings.access_key_id = secret("access_key_id")?;
        settings.secret_access_key = secret("secret_access_key")?;
        let config = get("config")?.map(|path| path.extract::<PathBuf>()).transpose()?;
        let mut builder = Core::builder(storage::complete(py, settings, config.as_deref())?);
        if let Some(api) = text("api")? {
            builder = builder.api(api.parse().map_err(|error| exception(py, &error))?);
        }
        if let Some(concurrency) = number("concurrency")? {
            builder = builder.concurrency(concurrency);
        }
        if let Some(rate) = get("rate")? {
            builder = builder.rate(rate.extract()?);
        }
        if let Some(retries) = number("retries")? {
            builder = builder.retries(u32::try_from(retries).unwrap_or(u32::MAX));
        }
        if let Some(timeout) = get("timeout")? {
            let timeout = Duration::try_from_secs_f64(timeout.extract()?);
            builder =
                builder.timeout(timeout.ok().filter(|time| !time.is_zero()).ok_or_else(|| {
                    let message = "timeout: a number of seconds above 0 is wanted";
                    exception(py, &Error::new(Code::InvalidOption, message))
                })?);
        }
        if let Some(page_size) = number("page_size")? {
            builder = builder.page_size(page_size as u64);
        }
        let core = detached(py, || builder.build()).flatten();
        core.map(Self).map_err(|error| exception(py, &error))
    }

    /// The API's host.
    #[getter]
    fn host(&self) -> &str {
        self.0.host()
    }

    /// The events of a search.
    fn search(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyDict>,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Reader> {
        let options = Options::new(options)?;
        let query = self::query(query)?;
        let builder = options.reader();
        let reader = detached(py, || self.0.search_with(query, builder)).flatten();
        Ok(Reader::new(py, reader.map_err(|error| exception(py, &error))?, options))
    }
}

/// Returns the start and the end of the period, if given, and the zone of times without an offset.
pub(crate) fn period(
    given: &Bound<'_, PyDict>,
) -> PyResult<(Option<Timestamp>, Option<Timestamp>, Option<String>)> {
    let get = |key: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
        Ok(given.get_item(key)?.filter(|value| !value.is_none()))
    };
    let tz = get("tz")?.map_or_else(|| Ok("UTC".to_owned()), |tz| zone(&tz))?;
    let time = |key: &str, after| {
        let time = get(key)?.map(|time| instant(key, &time, &tz, after));
        time.transpose()
    };
    let (since, until) = (time("since", false)?, time("until", true)?);
    Ok((since, until, Some(tz)))
}

/// What is searched for.
pub(crate) fn query(given: &Bound<'_, PyDict>) -> PyResult<Query> {
    let get = |key: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
        Ok(given.get_item(key)?.filter(|value| !value.is_none()))
    };
    let (since, until, _) = period(given)?;
    let since = since.ok_or_else(|| {
        let message = "since: a time, a date or a span before now is wanted";
        exception(given.py(), &Error::new(Code::InvalidOption, message))
    })?;
    let mut query = Query::since(since);
    if let Some(until) = until {
        query = query.until(until);
    }
    if let Some(event_id) = get("event_id")? {
        query = query.event_id(event_id.extract::<String>()?);
    }
    if let Some(id_no) = get("id_no")? {
        query = query.id_no(id_no.extract::<String>()?);
    }
    if let Some(member) = get("member")? {
        query = query.member(self::member(&member)?);
    }
    Ok(query)
}

fn member(given: &Bound<'_, PyAny>) -> PyResult<Member> {
    let (mut kind, mut address, mut code, mut id_no) = (None, None, None, None);
    let names = ["member_type", "email_address", "user_code", "id_no"];
    for (key, value) in storage::texts("member", given, &names)? {
        let place = match key {
            "member_type" => &mut kind,
            "email_address" => &mut address,
            "user_code" => &mut code,
            _ => &mut id_no,
        };
        *place = Some(value);
    }
    match (kind.as_deref(), address, code) {
        (Some("TOAST"), Some(email_address), None) => Ok(Member::Toast { email_address, id_no }),
        (Some("IAM"), None, Some(user_code)) => Ok(Member::Iam { user_code, id_no }),
        _ => {
            let message = "member_type \"TOAST\" with an email_address is wanted, or \"IAM\" with a \
                           user_code";
            let error = Error::new(Code::InvalidOption, message);
            Err(exception(given.py(), &named("member", &error)))
        }
    }
}
