//! Where the API and the buckets are, and the keys to them.

use std::ffi::CString;
use std::path::Path;

use nhn_cloudtrail::{Code, Error};
use nhn_cloudtrail_collect::{BucketSettings, Buckets, Settings};
use pyo3::exceptions::{PyTypeError, PyUserWarning};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{detached, exception};

/// Adds what the environment and the config file say.
pub(crate) fn complete(
    py: Python<'_>,
    settings: Settings,
    config: Option<&Path>,
) -> PyResult<Settings> {
    let settings = settings.complete(config).map_err(|error| exception(py, &error))?;
    if let Some(path) = &settings.exposed {
        warn_exposed(py, path)?;
    }
    Ok(settings)
}

/// Warns of a file that should be its owner's alone.
pub(crate) fn warn_exposed(py: Python<'_>, path: &Path) -> PyResult<()> {
    let text = format!(
        "{}: others can read or change this file, which may hold keys: chmod 600 it",
        path.display()
    );
    let text = CString::new(text)?;
    // Where the function of `nhn_cloudtrail` was called.
    PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 2)
}

/// What `storage_options` says.
pub(crate) fn storage_options(given: &Bound<'_, PyAny>) -> PyResult<BucketSettings> {
    let mut settings = BucketSettings::default();
    let names = ["endpoint", "region", "access_key_id", "secret_access_key"];
    for (key, value) in texts("storage_options", given, &names)? {
        match key {
            "endpoint" => settings.endpoint = Some(value),
            "region" => settings.region = Some(value),
            "access_key_id" => settings.access_key_id = Some(value.into()),
            _ => settings.secret_access_key = Some(value.into()),
        }
    }
    Ok(settings)
}

/// What reads buckets.
pub(crate) fn buckets(
    py: Python<'_>,
    given: &BucketSettings,
    config: Option<&Path>,
) -> PyResult<Buckets> {
    let mut settings = Settings::default();
    settings.object_storage = given.clone();
    let settings = complete(py, settings, config)?;
    let buckets = detached(py, || Buckets::new(settings.object_storage)).flatten();
    buckets.map_err(|error| exception(py, &error))
}

/// The texts of a dictionary that has no other keys than `names`; without those that are None.
pub(crate) fn texts<'a>(
    option: &str,
    given: &Bound<'_, PyAny>,
    names: &[&'a str],
) -> PyResult<Vec<(&'a str, String)>> {
    let py = given.py();
    let given = given
        .cast::<PyDict>()
        .map_err(|_| PyTypeError::new_err(format!("{option}: a dictionary is wanted")))?;
    let mut texts = Vec::new();
    for (key, value) in given.iter() {
        let key: String = key.extract()?;
        let Some(name) = names.iter().find(|name| **name == key) else {
            let message = format!("{option}: no key {key:?}; there are {}", names.join(", "));
            return Err(exception(py, &Error::new(Code::InvalidOption, message)));
        };
        if !value.is_none() {
            // Not as the error shows it: it may be a secret.
            let value = value
                .extract()
                .map_err(|_| PyTypeError::new_err(format!("{option}: {name}: a text is wanted")))?;
            texts.push((*name, value));
        }
    }
    Ok(texts)
}
