//! Signatures of a ledger's head: Ed25519 over the head, the number of its entry, and the time.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use nhn_cloudtrail::{Code, Error, Result};
use nhn_cloudtrail_arrow::disk;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde::{Deserialize, Serialize};

use crate::archive::time;
use crate::client::now;
use crate::ledger::{failed, hex, is_own, place};

/// The bytes before the key in a file of a public key: RFC 8410.
const ED25519_KEY: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0];

/// A private key that signs the heads of ledgers.
pub struct Signer(Ed25519KeyPair);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// Reads a private key, as written by `openssl genpkey -algorithm ed25519`.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` if the file does not contain such a key, `NOT_FOUND` or `IO` if it cannot be
    /// read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let pem = read(path)?;
        let wrong = || {
            let help = "no Ed25519 key in PEM: `openssl genpkey -algorithm ed25519` writes one";
            Error::new(Code::InvalidOption, help).at(place(path))
        };
        let key = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|_| wrong())?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der());
        pair.map(Self).map_err(|_| wrong())
    }

    /// Returns what is wrong with the signature in a folder, if there is one: it must be valid under this
    /// key, and the ledger must contain the signed head.
    pub(crate) fn check<'a>(
        &self,
        folder: &Path,
        head_at: impl Fn(u64) -> Option<&'a str>,
    ) -> Result<Option<String>> {
        if !is_own(&signature_file(folder))? {
            return Ok(None);
        }
        let wrong = match Signature::read(folder) {
            None => Some("it cannot be read".to_owned()),
            Some(signature) if !signature.is_by(self.0.public_key().as_ref()) => {
                Some("it is not of this key".to_owned())
            }
            Some(signature) => signature.unknown(head_at),
        };
        Ok(wrong.map(|wrong| {
            format!(
                "the archive's signature does not hold: {wrong}; nothing was signed or collected. Find out \
                 with `archive verify --public-key` and an earlier head what was changed. If the key was \
                 changed on purpose, remove _archive/signature.json"
            )
        }))
    }
}

/// A line of the signature file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    entry: u64,
    time: String,
    head: String,
    signature: String,
}

impl Signature {
    fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(signature_file(folder)).ok()?).ok()
    }

    /// Returns the signed text.
    fn text(entry: u64, time: &str, head: &str) -> String {
        format!("nhn-cloudtrail archive\nentry {entry}\ntime {time}\nhead {head}\n")
    }

    fn is_by(&self, key: &[u8]) -> bool {
        let text = Self::text(self.entry, &self.time, &self.head);
        let bytes = unhex(&self.signature).unwrap_or_default();
        UnparsedPublicKey::new(&ED25519, key).verify(text.as_bytes(), &bytes).is_ok()
    }

    /// Returns what is wrong if the ledger does not contain the signed head.
    fn unknown<'a>(&self, head_at: impl Fn(u64) -> Option<&'a str>) -> Option<String> {
        let is_known = self.entry > 0 && head_at(self.entry) == Some(&self.head);
        let entry = self.entry;
        (!is_known).then(|| {
            format!("the signature is of entry {entry}, which the ledger does not have so")
        })
    }
}

pub(crate) fn signature_file(folder: &Path) -> PathBuf {
    folder.join("signature.json")
}

/// Signs a head.
pub(crate) fn sign(signer: &Signer, folder: &Path, entry: u64, head: &str) -> Result<()> {
    let path = signature_file(folder);
    let (time, head) = (time(now()), head.to_owned());
    let signature = hex(signer.0.sign(Signature::text(entry, &time, &head).as_bytes()).as_ref());
    let signature = Signature { entry, time, head, signature };
    let mut line = serde_json::to_vec(&signature).map_err(|error| failed(&path, error.into()))?;
    line.push(b'\n');
    disk::write_whole(&path, &line).map_err(|error| failed(&path, error))
}

/// Returns what is wrong with the signature in a folder, regardless of the key: the ledger must contain
/// the signed head.
pub(crate) fn check<'a>(folder: &Path, head_at: impl Fn(u64) -> Option<&'a str>) -> Option<String> {
    if !signature_file(folder).exists() {
        return None;
    }
    match Signature::read(folder) {
        Some(signature) => signature.unknown(head_at),
        None => Some("the signature cannot be read".to_owned()),
    }
}

/// A public key that verifies the signature of an archive.
#[derive(Debug)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a public key, as written by `openssl pkey -pubout`.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` if the file does not contain such a key, `NOT_FOUND` or `IO` if it cannot be
    /// read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let pem = read(path)?;
        let der = SubjectPublicKeyInfoDer::from_pem_slice(&pem).ok();
        let key = der.and_then(|der| der.strip_prefix(&ED25519_KEY)?.try_into().ok());
        key.map(Self).ok_or_else(|| {
            let help = "no public Ed25519 key in PEM: `openssl pkey -in KEY -pubout` writes one";
            Error::new(Code::InvalidOption, help).at(place(path))
        })
    }

    /// Returns what is wrong with the signature of the newest head in a folder.
    pub(crate) fn check(&self, folder: &Path, entry: u64, head: &str) -> Option<String> {
        if !signature_file(folder).exists() {
            return Some("there is no signature".to_owned());
        }
        let Some(signature) = Signature::read(folder) else {
            return Some("the signature cannot be read".to_owned());
        };
        if !signature.is_by(&self.0) {
            return Some("the signature is not of this key".to_owned());
        }
        (signature.head != head || signature.entry != entry).then(|| {
            let message = "the signature is of another head, that of entry";
            format!("{message} {}", signature.entry)
        })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(Code::NotFound, "there is no such key file").at(place(path))
        }
        _ => failed(path, error),
    });
    bytes.map(zeroize::Zeroizing::new)
}
