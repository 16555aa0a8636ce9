//! Where the API is, and the keys to it: from options, the environment and a file, in this order.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use nhn_cloudtrail::{Code, Error, Position, Result};
use serde::Deserialize;
use zeroize::Zeroizing;

/// Text that is neither printed nor logged, and wiped from memory when it is let go.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What is asked where: of the query API, and of Object Storage.
///
/// Each value is taken from the first place that has it: what the caller has set, the environment, the
/// config file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Settings {
    /// The query API's base URL, `https://` and a host. `NHN_CLOUDTRAIL_BASE_URL`.
    pub base_url: Option<String>,
    /// The organization's appkey. `NHN_CLOUDTRAIL_APP_KEY`.
    pub app_key: Option<Secret>,
    /// The User Access Key ID. `NHN_CLOUDTRAIL_ACCESS_KEY_ID`.
    pub access_key_id: Option<Secret>,
    /// The Secret Access Key. `NHN_CLOUDTRAIL_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<Secret>,
    /// Object Storage.
    pub object_storage: BucketSettings,
    /// A config file that others than its owner may read, which is worth a warning.
    #[serde(skip)]
    pub exposed: Option<PathBuf>,
}

/// How buckets are reached.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct BucketSettings {
    /// The URL of the S3-compatible API. `NHN_CLOUDTRAIL_S3_ENDPOINT`, `AWS_ENDPOINT_URL_S3`,
    /// `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// The region, such as `kr1`. `NHN_CLOUDTRAIL_S3_REGION`, `AWS_REGION`, `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
    /// The access key of the S3 credentials. `NHN_CLOUDTRAIL_S3_ACCESS_KEY_ID`, `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Option<Secret>,
    /// Their secret key. `NHN_CLOUDTRAIL_S3_SECRET_ACCESS_KEY`, `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<Secret>,
}

/// The config file's name, where no other is given.
const FILE: &str = "nhn-cloudtrail/config.toml";

impl Settings {
    /// Adds what the environment and the config file say to what is set. The file is `file`, else
    /// `NHN_CLOUDTRAIL_CONFIG`, else `nhn-cloudtrail/config.toml` in `XDG_CONFIG_HOME` or `~/.config`,
    /// which need not exist.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` for a file that is no TOML of these settings, `NOT_FOUND` for one that was
    /// named and is not there.
    pub fn complete(mut self, file: Option<&Path>) -> Result<Self> {
        let (path, is_named) = match (file.map(Path::to_owned), path_of("NHN_CLOUDTRAIL_CONFIG")) {
            (Some(path), _) | (None, Some(path)) => (Some(path), true),
            (None, None) => (usual_file(), false),
        };
        let stored = match path {
            Some(path) if is_named || path.exists() => read(&path)?,
            _ => Settings::default(),
        };
        let buckets = stored.object_storage;
        fill(&mut self.base_url, &["NHN_CLOUDTRAIL_BASE_URL"], stored.base_url);
        fill(&mut self.app_key, &["NHN_CLOUDTRAIL_APP_KEY"], stored.app_key);
        let (id, secret) = ("NHN_CLOUDTRAIL_ACCESS_KEY_ID", "NHN_CLOUDTRAIL_SECRET_ACCESS_KEY");
        fill(&mut self.access_key_id, &[id], stored.access_key_id);
        fill(&mut self.secret_access_key, &[secret], stored.secret_access_key);
        let own = &mut self.object_storage;
        let endpoint = ["NHN_CLOUDTRAIL_S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
        fill(&mut own.endpoint, &endpoint, buckets.endpoint);
        let region = ["NHN_CLOUDTRAIL_S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"];
        fill(&mut own.region, &region, buckets.region);
        let id = ["NHN_CLOUDTRAIL_S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"];
        fill(&mut own.access_key_id, &id, buckets.access_key_id);
        let secret = ["NHN_CLOUDTRAIL_S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"];
        fill(&mut own.secret_access_key, &secret, buckets.secret_access_key);
        self.exposed = self.exposed.or(stored.exposed);
        Ok(self)
    }
}

fn fill<T: From<String>>(own: &mut Option<T>, variables: &[&str], stored: Option<T>) {
    if own.is_none() {
        let set = variables.iter().find_map(|name| env::var(name).ok());
        *own = set.filter(|value| !value.is_empty()).map(T::from).or(stored);
    }
}

fn path_of(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn usual_file() -> Option<PathBuf> {
    let folder = path_of("XDG_CONFIG_HOME")
        .or_else(|| Some(path_of("HOME").or_else(|| path_of("USERPROFILE"))?.join(".config")));
    Some(folder?.join(FILE))
}

fn read(path: &Path) -> Result<Settings> {
    let mut place = Position::default();
    place.source = Some(path.to_string_lossy().into());
    let text = std::fs::read_to_string(path).map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let code = if missing { Code::NotFound } else { Code::Io };
        Error::new(code, "the config file cannot be read").at(place.clone()).caused_by(error)
    })?;
    let text = Zeroizing::new(text);
    let mut settings: Settings = toml::from_str(&text).map_err(|error| {
        // Not the error's own text, which shows the line: there may be a key on it.
        let line = error.span().and_then(|span| text.get(..span.start));
        place.line = line.map_or(0, |before| before.matches('\n').count() as u64 + 1);
        let message = format!("the config file is wrong here: {}", error.message());
        Error::new(Code::InvalidOption, message).at(place.clone())
    })?;
    if is_exposed(path) {
        settings.exposed = Some(path.to_owned());
    }
    Ok(settings)
}

#[cfg(unix)]
fn is_exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_path: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let settings = Settings { app_key: Some("top".into()), ..Settings::default() };
        assert!(!format!("{settings:?}").contains("top"));
    }

    #[test]
    fn a_wrong_file_is_told_without_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "base_url = \"https://x\"\nsecret = \"top\"\n").unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(error.code(), Code::InvalidOption);
        assert_eq!(error.position().unwrap().line, 2);
        assert!(!error.to_string().contains("top"), "{error}");
    }
}
