//! The catalog's closed vocabularies: each a small enum with its text, both ways.

use std::fmt;
use std::str::FromStr;

use crate::error::{Code, Error};

macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident, $what:literal, $code:ident {
            $($(#[$doc:meta])* $variant:ident = $text:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every value, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The value as text, as it stands in tables, JSON and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Reads the text that [`as_str`](Self::as_str) gives, in any case.
            fn from_str(text: &str) -> Result<Self, Error> {
                Self::ALL.iter().copied().find(|value| value.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
                    let allowed: Vec<&str> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    Error::new(
                        Code::$code,
                        format!(
                            "`{}` is not {}; it is one of {}",
                            crate::error::printable(text), $what, allowed.join(", "),
                        ),
                    )
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// A language that the catalog has names in.
    #[derive(Default)]
    Lang, "a language", InvalidOption {
        /// Korean, the language that NHN Cloud publishes first: the default, never the locale.
        #[default]
        Ko = "ko",
        /// English.
        En = "en",
        /// Japanese.
        Ja = "ja",
    }
}

words! {
    /// What an event does to what it is about.
    Kind, "a kind of act", InvalidFilter {
        /// Something new exists after it: created, added, registered, uploaded, copied, invited.
        Create = "create",
        /// Nothing changed: listed, searched, checked, downloaded.
        Read = "read",
        /// Something that exists is different: modified, attached, detached, enabled, moved,
        /// resized; members, roles or gateways put on or taken off something that stays.
        Update = "update",
        /// Something is gone.
        Delete = "delete",
        /// Something was run, stopped, sent, purged or restored.
        Execute = "execute",
        /// A login, or entering an organization or a project.
        Authenticate = "authenticate",
    }
}

words! {
    /// How far an act has come, where the ID marks it; none is the act itself.
    Phase, "a phase", InvalidFilter {
        /// The act was applied for.
        Requested = "requested",
        /// The act has begun.
        Started = "started",
        /// The act is done.
        Completed = "completed",
        /// The act did not succeed.
        Failed = "failed",
        /// The act, or the request for it, was called off.
        Cancelled = "cancelled",
    }
}

words! {
    /// Who says what an event does.
    Provenance, "a provenance", InvalidOption {
        /// The project decided in `data/actions.toml`, because the ID's words mislead or say nothing.
        Curated = "curated",
        /// The rules over the ID's words decided.
        Inferred = "inferred",
    }
}

words! {
    /// What NHN Cloud's Resource Watcher guide says that an event does to a resource.
    Effect, "an effect", InvalidOption {
        /// The resource comes into being.
        Create = "create",
        /// The resource changes.
        Modify = "modify",
        /// The resource is gone.
        Delete = "delete",
    }
}

words! {
    /// An edition of NHN Cloud, each with an event list of its own.
    Edition, "an edition of NHN Cloud", InvalidOption {
        /// The commercial cloud.
        Public = "public",
        /// The public-sector cloud.
        Gov = "gov",
        /// A dedicated cloud.
        Ngsc = "ngsc",
        /// A dedicated cloud.
        Ncgn = "ncgn",
        /// A dedicated cloud.
        Ngcc = "ngcc",
        /// A dedicated cloud.
        Ngoic = "ngoic",
        /// A dedicated cloud.
        Ngovc = "ngovc",
        /// A dedicated cloud.
        Ninc = "ninc",
        /// A dedicated cloud.
        Ppp = "ppp",
    }
}

impl Lang {
    /// The language's place in arrays of names.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// A day, as the revisions of NHN Cloud's event lists are dated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(u32);

impl Date {
    /// From a number such as `20201029`, for the generated table.
    pub(crate) const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The year.
    pub const fn year(self) -> u32 {
        self.0 / 10_000
    }

    /// The month, from 1.
    pub const fn month(self) -> u32 {
        self.0 / 100 % 100
    }

    /// The day of the month, from 1.
    pub const fn day(self) -> u32 {
        self.0 % 100
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year(), self.month(), self.day())
    }
}

impl FromStr for Date {
    type Err = Error;

    /// Reads `2020-10-29`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let shape: Vec<usize> = text.split('-').map(str::len).collect();
        let digits: String = text.split('-').collect();
        match digits.parse::<u32>() {
            Ok(number)
                if shape == [4, 2, 2]
                    && digits.bytes().all(|b| b.is_ascii_digit())
                    && (1..=12).contains(&Self(number).month())
                    && (1..=31).contains(&Self(number).day()) =>
            {
                Ok(Self(number))
            }
            _ => Err(Error::new(
                Code::InvalidTime,
                format!("`{}` is not a date such as 2020-10-29", crate::error::printable(text)),
            )),
        }
    }
}

impl serde::Serialize for Date {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
