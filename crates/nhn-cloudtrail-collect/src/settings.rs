//! The addresses and keys of the API and of Object Storage: from options, the environment and a file, in
//! this order.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use nhn_cloudtrail::{Code, Error, Position, Result};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::sources::{self, SourceSettings};

/// Text that is not printed or logged, and is wiped from memory when it is dropped.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Returns the text.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns whether the text is valid in an HTTP header, which a key must be.
    pub(crate) fn is_header(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_graphic())
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

/// Addresses and keys of the query API and of Object Storage.
///
/// Each value is taken from the first of these that has it: the value set by the caller, the environment,
/// the config file, and for Object Storage the variables of other S3 tools (`AWS_...`). Both keys of a
/// pair are taken from the first place that has either of them. An own variable with the suffix `_FILE`,
/// such as `NHN_CLOUDTRAIL_SECRET_ACCESS_KEY_FILE`, names a file that contains the key and nothing else.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Settings {
    /// The query API's base URL, `https://` and a host. `NHN_CLOUDTRAIL_BASE_URL`.
    pub base_url: Option<String>,
    /// The organization's appkey. `NHN_CLOUDTRAIL_APP_KEY`.
    pub app_key: Option<Secret>,
    /// A file that contains only the appkey, instead of `app_key`. In a config file, the path is relative
    /// to that file's folder.
    pub app_key_file: Option<PathBuf>,
    /// The User Access Key ID. `NHN_CLOUDTRAIL_ACCESS_KEY_ID`.
    pub access_key_id: Option<Secret>,
    /// The Secret Access Key. `NHN_CLOUDTRAIL_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<Secret>,
    /// Settings of Object Storage.
    pub object_storage: BucketSettings,
    /// The sources, each a table `[[source]]` of the config file. The other settings apply to all of
    /// them.
    #[serde(rename = "source")]
    pub sources: Vec<SourceSettings>,
    /// The config file, if users other than its owner can read or change it. Callers should warn about
    /// it.
    #[serde(skip)]
    pub exposed: Option<PathBuf>,
}

/// The address and keys of Object Storage.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct BucketSettings {
    /// The URL of the S3-compatible API, `https://` and a host. `NHN_CLOUDTRAIL_S3_ENDPOINT`,
    /// `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// The region, such as `kr1`. `NHN_CLOUDTRAIL_S3_REGION`, `AWS_REGION`, `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
    /// The access key of the S3 credentials. `NHN_CLOUDTRAIL_S3_ACCESS_KEY_ID`, `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Option<Secret>,
    /// The secret key of the S3 credentials. `NHN_CLOUDTRAIL_S3_SECRET_ACCESS_KEY`,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<Secret>,
}

/// The default path of the config file.
const FILE: &str = "nhn-cloudtrail/config.toml";

impl Settings {
    /// Completes these settings from the environment and the config file. The config file is `file`, else
    /// `NHN_CLOUDTRAIL_CONFIG`, else `nhn-cloudtrail/config.toml` in `XDG_CONFIG_HOME` or `~/.config`,
    /// which may be missing.
    ///
    /// # Errors
    ///
    /// - `INVALID_OPTION`: the file is not valid TOML of these settings, or a key is given both as text
    ///   and as a file.
    /// - `NOT_FOUND`: `file`, or the file in `NHN_CLOUDTRAIL_CONFIG`, does not exist.
    pub fn complete(mut self, file: Option<&Path>) -> Result<Self> {
        let (path, is_named) = match (file.map(Path::to_owned), path_of("NHN_CLOUDTRAIL_CONFIG")) {
            (Some(path), _) | (None, Some(path)) => (Some(path), true),
            (None, None) => (usual_file(), false),
        };
        let stored = match path {
            Some(path) if is_named || path.exists() => read(&path)?,
            _ => Settings::default(),
        };
        self.app_key = app_key(self.app_key, self.app_key_file.take())?;
        if self.app_key.is_none() {
            self.app_key = match own_secret("NHN_CLOUDTRAIL_APP_KEY")? {
                None => app_key(stored.app_key, stored.app_key_file)?,
                set => set,
            };
        }
        fill(&mut self.base_url, || own_text("NHN_CLOUDTRAIL_BASE_URL"), stored.base_url)?;
        if self.access_key_id.is_none() && self.secret_access_key.is_none() {
            let pair =
                own_pair("NHN_CLOUDTRAIL_ACCESS_KEY_ID", "NHN_CLOUDTRAIL_SECRET_ACCESS_KEY")?;
            let stored = (stored.access_key_id, stored.secret_access_key);
            (self.access_key_id, self.secret_access_key) = first_pair([pair, stored]);
        }
        let (own, stored_buckets) = (&mut self.object_storage, stored.object_storage);
        fill(
            &mut own.endpoint,
            || own_text("NHN_CLOUDTRAIL_S3_ENDPOINT"),
            stored_buckets.endpoint,
        )?;
        fill(&mut own.endpoint, || own_text("AWS_ENDPOINT_URL_S3"), None)?;
        fill(&mut own.endpoint, || own_text("AWS_ENDPOINT_URL"), None)?;
        fill(&mut own.region, || own_text("NHN_CLOUDTRAIL_S3_REGION"), stored_buckets.region)?;
        fill(&mut own.region, || own_text("AWS_REGION"), None)?;
        fill(&mut own.region, || own_text("AWS_DEFAULT_REGION"), None)?;
        if own.access_key_id.is_none() && own.secret_access_key.is_none() {
            let pair =
                own_pair("NHN_CLOUDTRAIL_S3_ACCESS_KEY_ID", "NHN_CLOUDTRAIL_S3_SECRET_ACCESS_KEY")?;
            let stored = (stored_buckets.access_key_id, stored_buckets.secret_access_key);
            let secret = |name| own_text(name).map(|text| text.map(Secret::from));
            let others = (secret("AWS_ACCESS_KEY_ID")?, secret("AWS_SECRET_ACCESS_KEY")?);
            (own.access_key_id, own.secret_access_key) = first_pair([pair, stored, others]);
        }
        self.exposed = self.exposed.or(stored.exposed);
        self.sources.extend(stored.sources);
        sources::complete(&mut self.sources, self.base_url.as_deref(), &self.object_storage)?;
        Ok(self)
    }
}

/// Returns the value of an environment variable; an empty one counts as unset.
fn own_text(variable: &str) -> Result<Option<String>> {
    match env::var(variable) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(wrong(format!("{variable} is not UTF-8"))),
    }
}

/// Returns a key from one of our variables, or from the file that its `_FILE` variable names.
fn own_secret(variable: &str) -> Result<Option<Secret>> {
    let file = format!("{variable}_FILE");
    match (own_text(variable)?, path_of(&file)) {
        (Some(_), Some(_)) => Err(wrong(format!("{variable} and {file} are both set; set one"))),
        (None, Some(path)) => read_secret(&path).map(Some),
        (text, None) => Ok(text.map(Secret::from)),
    }
}

type Pair = (Option<Secret>, Option<Secret>);

fn own_pair(id: &str, secret: &str) -> Result<Pair> {
    Ok((own_secret(id)?, own_secret(secret)?))
}

/// Returns the keys of the first place that has one of them. Halves from different places are not
/// combined.
fn first_pair<const N: usize>(places: [Pair; N]) -> Pair {
    let mut places = places.into_iter();
    places.find(|(id, secret)| id.is_some() || secret.is_some()).unwrap_or_default()
}

/// Returns the appkey, from the text or from the file.
pub(crate) fn app_key(text: Option<Secret>, file: Option<PathBuf>) -> Result<Option<Secret>> {
    match (text, file) {
        (Some(_), Some(_)) => Err(wrong("the appkey is given as text and as a file; give one")),
        (None, Some(path)) => read_secret(&path).map(Some),
        (text, None) => Ok(text),
    }
}

/// The maximum size of a file with a key.
const SECRET: u64 = 64 << 10;

/// Reads a file that contains a key and optionally a line feed.
fn read_secret(path: &Path) -> Result<Secret> {
    let place = place(path);
    let mut text = Zeroizing::new(String::new());
    let file = File::open(path);
    let read = file.and_then(|file| file.take(SECRET + 1).read_to_string(&mut text));
    read.map_err(|error| unread("the file with a key cannot be read", error).at(place.clone()))?;
    let key = text.trim_end_matches(['\n', '\r']);
    if key.is_empty() || key.len() as u64 > SECRET {
        return Err(wrong("a file with a key holds the key and nothing else").at(place));
    }
    Ok(key.into())
}

fn fill(
    own: &mut Option<String>,
    environment: impl FnOnce() -> Result<Option<String>>,
    stored: Option<String>,
) -> Result<()> {
    if own.is_none() {
        *own = environment()?.or(stored);
    }
    Ok(())
}

fn path_of(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Returns the folder of the config file in `NHN_CLOUDTRAIL_CONFIG`, or the default one.
pub(crate) fn folder() -> Option<PathBuf> {
    let file = path_of("NHN_CLOUDTRAIL_CONFIG").or_else(usual_file)?;
    file.parent().map(Path::to_owned)
}

fn usual_file() -> Option<PathBuf> {
    let folder = path_of("XDG_CONFIG_HOME")
        .or_else(|| Some(path_of("HOME").or_else(|| path_of("USERPROFILE"))?.join(".config")));
    Some(folder?.join(FILE))
}

fn read(path: &Path) -> Result<Settings> {
    let mut place = place(path);
    let text = std::fs::read_to_string(path)
        .map_err(|error| unread("the config file cannot be read", error).at(place.clone()))?;
    let text = Zeroizing::new(text);
    let mut settings: Settings = toml::from_str(&text).map_err(|error| {
        // The error's own text shows the line, which may contain a key.
        let line = error.span().and_then(|span| text.get(..span.start));
        place.line = line.map_or(0, |before| before.matches('\n').count() as u64 + 1);
        let message = format!("the config file is wrong here: {}", error.message());
        Error::new(Code::InvalidOption, message).at(place.clone())
    })?;
    let of_sources = settings.sources.iter_mut().map(|source| &mut source.settings.app_key_file);
    for file in of_sources.chain([&mut settings.app_key_file]).flatten() {
        if let Some(folder) = path.parent() {
            *file = folder.join(&*file);
        }
    }
    if is_exposed(path) {
        settings.exposed = Some(path.to_owned());
    }
    Ok(settings)
}

/// Returns whether users other than its owner can read or change a file that should be private: a config
/// file, a signing key.
#[doc(hidden)]
#[cfg(unix)]
pub fn is_exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o066 != 0)
}

#[doc(hidden)]
#[cfg(not(unix))]
pub fn is_exposed(_path: &Path) -> bool {
    false
}

fn place(path: &Path) -> Position {
    let mut place = Position::default();
    place.source = Some(path.to_string_lossy().into());
    place
}

fn unread(what: &str, error: std::io::Error) -> Error {
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    let code = if missing { Code::NotFound } else { Code::Io };
    Error::new(code, what).caused_by(error)
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidOption, message)
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

    #[test]
    fn a_pair_of_keys_comes_from_one_place() {
        let key = |text: &str| Some(Secret::from(text));
        let pair = (key("id"), key("secret"));
        assert_eq!(first_pair([(None, None), pair.clone(), (key("x"), key("y"))]), pair);
        assert_eq!(first_pair([(key("half"), None), pair]), (key("half"), None));
        assert_eq!(first_pair([(None, None)]), (None, None));
    }

    #[test]
    fn a_key_may_stand_in_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let config = folder.path().join("config.toml");
        std::fs::write(&config, "app_key_file = \"key\"\n").unwrap();
        let complete = || Settings::default().complete(Some(&config));
        assert_eq!(complete().unwrap_err().code(), Code::NotFound);
        for (text, key) in [("one", "one"), ("two\r\n", "two"), ("thr ee\n", "thr ee")] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(complete().unwrap().app_key.unwrap().reveal(), key);
        }
        for text in ["\n".to_owned(), String::new(), "x".repeat((SECRET + 1) as usize)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(complete().unwrap_err().code(), Code::InvalidOption);
        }
        std::fs::write(&config, "app_key_file = \"key\"\napp_key = \"top\"\n").unwrap();
        let error = complete().unwrap_err();
        assert!(
            error.to_string().contains("give one") && !error.to_string().contains("top"),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_exposed_to_whoever_may_read_or_change_it() {
        use std::os::unix::fs::PermissionsExt;

        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, exposed) in [
            (0o600, false),
            (0o700, false),
            (0o640, true),
            (0o604, true),
            (0o620, true),
            (0o602, true),
            (0o611, false),
        ] {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_exposed(file.path()), exposed, "{mode:o}");
        }
    }
}
