//! Several sources of one archive, each a table `[[source]]` of the config file.

use std::collections::HashSet;

use nhn_cloudtrail::{Code, Error, Result, Timestamp, instant, printable};
use serde::Deserialize;

#[cfg(feature = "object-storage")]
use crate::bucket::Buckets;
use crate::client::{Api, Client, ClientBuilder, Query};
use crate::collect::{Collection, named};
use crate::repair::Repair;
use crate::settings::{BucketSettings, Settings, app_key};

/// The maximum length of a source's name, in bytes.
const MAX_NAME: usize = 64;

/// A source of the config file: an organization of the query API, or a bucket.
///
/// ```toml
/// base_url = "https://..."
///
/// [[source]]
/// name = "production"
/// since = "92d"
/// app_key = "..."
/// access_key_id = "..."
/// secret_access_key = "..."
///
/// [[source]]
/// name = "export"
/// bucket = "s3://audit/cloudtrail"
/// ```
///
/// A table without a base URL or without values of `[object_storage]` uses those of the whole file. It
/// uses the S3 keys of the file only if it has the same endpoint. The appkey and the keys of the query
/// API are never inherited: no key is sent for another organization.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "toml::Table")]
#[non_exhaustive]
pub struct SourceSettings {
    /// Name of the source: ASCII letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Version of the query API; v2 by default.
    pub api: Option<Api>,
    /// Start of the period, such as `92d` or `2026-10-01`.
    pub since: Option<String>,
    /// `s3://bucket` or `s3://bucket/prefix`, if the source is a bucket.
    pub bucket: Option<String>,
    /// Addresses and keys of the source.
    pub settings: Settings,
}

/// The members that only a source has.
#[derive(Deserialize)]
struct Own {
    name: String,
    api: Option<String>,
    since: Option<String>,
    bucket: Option<String>,
}

impl TryFrom<toml::Table> for SourceSettings {
    type Error = String;

    fn try_from(mut table: toml::Table) -> Result<Self, String> {
        let names = ["name", "api", "since", "bucket"];
        let own: toml::Table = names.iter().filter_map(|name| table.remove_entry(*name)).collect();
        let Own { name, api, since, bucket } =
            own.try_into().map_err(|error: toml::de::Error| without_values(error.message()))?;
        if !is_name(&name) {
            return Err(format!(
                "source {:?}: a name has 1 to {MAX_NAME} ASCII letters, digits, -, _ or ., and begins with a \
                 letter or a digit",
                printable(&name)
            ));
        }
        let wrong = |message: &str| format!("source {name}: {message}");
        if table.contains_key("source") {
            return Err(wrong("a source has no sources of its own"));
        }
        let api = match api.as_deref().map(str::parse::<Api>).transpose() {
            Ok(api) => api,
            Err(error) => return Err(wrong(&printable(error.message()))),
        };
        let settings: Settings =
            table.try_into().map_err(|error| wrong(&without_values(error.message())))?;
        let has_app_key = settings.app_key.is_some() || settings.app_key_file.is_some();
        if bucket.is_some() && (since.is_some() || api.is_some() || has_app_key) {
            return Err(wrong(
                "this is a bucket, which has no since, api or app_key; write two tables for both",
            ));
        }
        Ok(Self { name, api, since, bucket, settings })
    }
}

fn is_name(name: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(is_fit)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// Returns the message without the invalid value, which may be a key in the wrong place.
fn without_values(message: &str) -> String {
    let is_of_value = message.starts_with("invalid type") || message.starts_with("invalid value");
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if is_of_value => format!("a value is not {expected}"),
        _ => printable(message).into_owned(),
    }
}

impl SourceSettings {
    /// Fills what the source does not set from the whole file.
    fn inherit(&mut self, base_url: Option<&str>, storage: &BucketSettings) {
        let own = &mut self.settings;
        own.base_url = own.base_url.take().or_else(|| base_url.map(str::to_owned));
        let own = &mut own.object_storage;
        own.region = own.region.take().or_else(|| storage.region.clone());
        // No other host may receive the keys, and both keys must come from one place.
        let is_same_host = own.endpoint.is_none() || own.endpoint == storage.endpoint;
        own.endpoint = own.endpoint.take().or_else(|| storage.endpoint.clone());
        if is_same_host && own.access_key_id.is_none() && own.secret_access_key.is_none() {
            own.access_key_id.clone_from(&storage.access_key_id);
            own.secret_access_key.clone_from(&storage.secret_access_key);
        }
    }
}

/// Checks that all sources have different names, and fills their settings from the whole file.
pub(crate) fn complete(
    sources: &mut [SourceSettings],
    base_url: Option<&str>,
    storage: &BucketSettings,
) -> Result<()> {
    let mut names = HashSet::new();
    for source in sources {
        if !names.insert(source.name.clone()) {
            let message = format!("two sources are called {}: names must differ", source.name);
            return Err(Error::new(Code::InvalidOption, message));
        }
        source.inherit(base_url, storage);
    }
    Ok(())
}

/// Defaults for all sources of the config file in a collection.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SourceDefaults {
    /// Start of the period, for organizations without `since` in the file.
    pub since: Option<Timestamp>,
    /// End of the period of all organizations; now by default.
    pub until: Option<Timestamp>,
    /// Time zone of times without an offset in the file; UTC by default.
    pub zone: Option<String>,
}

impl Collection {
    /// Adds the sources of the config file: those with these names, or all of them. `client` configures
    /// the client of each organization.
    ///
    /// A source whose settings are incomplete does not prevent the others from being collected; see
    /// [`Report::sources`](crate::Report::sources).
    ///
    /// ```no_run
    /// use nhn_cloudtrail_collect::{Collection, Settings};
    ///
    /// let settings = Settings::default().complete(None)?;
    /// let report =
    ///     Collection::new("archive/").sources(&settings, None, &Default::default(), |client| client)?.run()?;
    /// for source in &report.sources {
    ///     println!("{:?}: {} new events", source.name, source.records.new);
    /// }
    /// # Ok::<(), nhn_cloudtrail::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` if the file has no sources, or no source has one of the names.
    pub fn sources(
        mut self,
        settings: &Settings,
        names: Option<&[String]>,
        defaults: &SourceDefaults,
        client: impl Fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self> {
        for source in chosen(settings, names)? {
            let added = match &source.bucket {
                Some(bucket) => self.add_bucket(source, bucket),
                None => self.add_organization(source, defaults, &client),
            };
            if let Err(error) = added {
                self = self.unusable(error);
            }
            self = self.named(&source.name);
        }
        Ok(self)
    }

    fn add_organization(
        &mut self,
        source: &SourceSettings,
        defaults: &SourceDefaults,
        client: impl Fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<()> {
        let zone = defaults.zone.as_deref().unwrap_or("UTC");
        let own = source.since.as_deref().map(|since| instant(since, zone, false)).transpose();
        let own = own.map_err(|error| {
            Error::new(error.code(), format!("since: {}", printable(error.message())))
        })?;
        let since = own.or(defaults.since).ok_or_else(|| {
            let message = "since is missing: from when on is it to be collected?";
            Error::new(Code::InvalidOption, message)
        })?;
        let query = Query::since(since);
        let query = defaults.until.map_or(query.clone(), |until| query.until(until));
        self.add_api(source.client(client)?, query);
        Ok(())
    }

    #[cfg(feature = "object-storage")]
    fn add_bucket(&mut self, source: &SourceSettings, bucket: &str) -> Result<()> {
        self.add_buckets(source.buckets()?, bucket.to_owned());
        Ok(())
    }

    #[cfg(not(feature = "object-storage"))]
    fn add_bucket(&mut self, _: &SourceSettings, _: &str) -> Result<()> {
        Err(no_buckets())
    }
}

impl Repair {
    /// Reads lost records again from sources of the config file: those with these names, or all of them.
    /// `client` configures the client of each organization.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` if the file has no sources, no source has one of the names, or the settings of one
    /// are incomplete.
    pub fn sources(
        mut self,
        settings: &Settings,
        names: Option<&[String]>,
        client: impl Fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self> {
        for source in chosen(settings, names)? {
            let name = Some(source.name.clone());
            let added = match &source.bucket {
                Some(bucket) => self.add_bucket(source, bucket),
                None => source.client(&client).map(|client| self.clients.push((client, name))),
            };
            added.map_err(|error| named(&source.name, &error))?;
        }
        Ok(self)
    }

    #[cfg(feature = "object-storage")]
    fn add_bucket(&mut self, source: &SourceSettings, bucket: &str) -> Result<()> {
        let name = Some(source.name.clone());
        self.buckets.push((source.buckets()?, bucket.to_owned(), name));
        Ok(())
    }

    #[cfg(not(feature = "object-storage"))]
    fn add_bucket(&mut self, _: &SourceSettings, _: &str) -> Result<()> {
        Err(no_buckets())
    }
}

#[cfg(not(feature = "object-storage"))]
fn no_buckets() -> Error {
    let message = "this build reads no buckets: it lacks the feature object-storage";
    Error::new(Code::InvalidOption, message)
}

/// The sources of the config file with these names, or all of them.
fn chosen<'a>(
    settings: &'a Settings,
    names: Option<&[String]>,
) -> Result<impl Iterator<Item = &'a SourceSettings>> {
    let all = &settings.sources;
    let known = || all.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
    if all.is_empty() {
        let message = "the config file has no sources: write a table [[source]] for each";
        return Err(Error::new(Code::InvalidOption, message));
    }
    for name in names.unwrap_or_default() {
        if !all.iter().any(|source| source.name == *name) {
            let message = format!("no source {:?}; there are {}", printable(name), known());
            return Err(Error::new(Code::InvalidOption, message));
        }
    }
    Ok(all.iter().filter(move |source| names.is_none_or(|names| names.contains(&source.name))))
}

impl SourceSettings {
    /// Creates the client of the organization.
    fn client(&self, client: impl Fn(ClientBuilder) -> ClientBuilder) -> Result<Client> {
        let mut settings = self.settings.clone();
        settings.app_key = app_key(settings.app_key.take(), settings.app_key_file.take())?;
        let builder = client(Client::builder(settings));
        self.api.map_or(builder.clone(), |api| builder.api(api)).build()
    }

    /// What reads the bucket.
    #[cfg(feature = "object-storage")]
    fn buckets(&self) -> Result<Buckets> {
        Buckets::new(self.settings.object_storage.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_source_takes_places_from_the_whole_file_and_no_key_of_the_api() {
        let mut settings = read(
            "base_url = \"https://a.example\"\napp_key = \"top\"\naccess_key_id = \"id\"\n\
             secret_access_key = \"secret\"\n\
             [object_storage]\nendpoint = \"https://s3.example\"\nregion = \"kr1\"\n\
             access_key_id = \"s3id\"\nsecret_access_key = \"s3secret\"\n\
             [[source]]\nname = \"one\"\napp_key = \"own\"\n\
             [[source]]\nname = \"two\"\nbucket = \"s3://b\"\nbase_url = \"https://b.example\"\n\
             object_storage.region = \"kr2\"\n\
             [[source]]\nname = \"three\"\nbucket = \"s3://c\"\nobject_storage.access_key_id = \"x\"\n\
             [[source]]\nname = \"four\"\nbucket = \"s3://d\"\n\
             object_storage.endpoint = \"https://other.example\"\n",
        )
        .unwrap();
        let Settings { base_url, object_storage, sources, .. } = &mut settings;
        complete(sources, base_url.as_deref(), object_storage).unwrap();
        let [one, two, three, four] = sources.as_slice() else { panic!("four sources") };
        let text =
            |secret: &Option<crate::Secret>| secret.as_ref().map(|key| key.reveal().to_owned());
        assert_eq!(one.settings.base_url.as_deref(), Some("https://a.example"));
        assert_eq!(text(&one.settings.app_key).as_deref(), Some("own"));
        assert_eq!(text(&one.settings.access_key_id), None);
        assert_eq!(text(&one.settings.secret_access_key), None);
        assert_eq!(two.settings.base_url.as_deref(), Some("https://b.example"));
        assert_eq!(text(&two.settings.app_key), None);
        let storage = &two.settings.object_storage;
        assert_eq!(storage.endpoint.as_deref(), Some("https://s3.example"));
        assert_eq!(storage.region.as_deref(), Some("kr2"));
        assert_eq!(text(&storage.access_key_id).as_deref(), Some("s3id"));
        assert_eq!(text(&storage.secret_access_key).as_deref(), Some("s3secret"));
        // Half a pair is not completed from another pair.
        assert_eq!(text(&three.settings.object_storage.secret_access_key), None);
        // Another host does not receive the keys either.
        let storage = &four.settings.object_storage;
        assert_eq!(storage.endpoint.as_deref(), Some("https://other.example"));
        assert_eq!(storage.region.as_deref(), Some("kr1"));
        assert_eq!(text(&storage.access_key_id).or(text(&storage.secret_access_key)), None);
    }

    #[test]
    fn names_are_checked_and_differ() {
        let longest = "n".repeat(MAX_NAME);
        for name in ["a", "A.b-c_9", "0", &longest] {
            assert!(read(&format!("[[source]]\nname = \"{name}\"\n")).is_ok(), "{name}");
        }
        let too_long = "n".repeat(MAX_NAME + 1);
        for name in ["", "-a", ".a", "a b", "a\\nb", "é", "a/b", "a\\u202eb", "a\\\"b", &too_long]
        {
            let error = read(&format!("[[source]]\nname = \"{name}\"\n")).unwrap_err();
            assert!(error.message().contains("a name has"), "{name}: {}", error.message());
            assert!(!error.message().contains('\u{202e}'));
        }
        assert!(read("[[source]]\napp_key = \"x\"\n").unwrap_err().message().contains("`name`"));
        let mut twice =
            read("[[source]]\nname = \"a\"\n[[source]]\nname = \"a\"\n").unwrap().sources;
        let error = complete(&mut twice, None, &BucketSettings::default()).unwrap_err();
        assert!(error.message().contains("two sources are called a"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_told_with_the_source_and_without_values() {
        for (text, says) in [
            ("name = \"a\"\nappkey = \"hidden-key\"", "source a: unknown field `appkey`"),
            ("name = \"a\"\napp_key = 123456789", "source a: a value is not"),
            ("name = \"a\"\nobject_storage = \"hidden-key\"", "source a: a value is not"),
            ("name = \"a\"\nsince = 123456789", "a value is not a string"),
            ("name = \"a\"\napi = \"v3\"", "source a: there is no API"),
            ("name = \"a\"\nbucket = \"s3://b\"\nsince = \"1d\"", "source a: this is a bucket"),
            (
                "name = \"a\"\nbucket = \"s3://b\"\napp_key = \"hidden-key\"",
                "source a: this is a bucket",
            ),
            ("name = \"a\"\n[[source.source]]\nname = \"b\"", "source a: a source has no sources"),
        ] {
            let error = read(&format!("[[source]]\n{text}\n")).unwrap_err();
            assert!(error.message().contains(says), "{text}: {}", error.message());
            assert!(!error.message().contains("hidden"), "{text}: {}", error.message());
            assert!(!error.message().contains("123456789"), "{text}: {}", error.message());
        }
    }
}
