//! Signatures of a ledger's head: Ed25519, over the head's 64 letters.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use nhn_cloudtrail::{Code, Error, Result};
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde::{Deserialize, Serialize};

use crate::ledger::{failed, hex, is_own, place, write_whole};

/// What stands before the key in the public key's file: RFC 8410.
const ED25519_KEY: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0];

/// Signs the heads of ledgers.
pub struct Signer(Ed25519KeyPair);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// Reads a private key, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` where the file holds no such key, `NOT_FOUND` or `IO` where it cannot be read.
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

    fn sign(&self, head: &str) -> String {
        hex(self.0.sign(head.as_bytes()).as_ref())
    }
}

/// A line of the file of signatures.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    entry: u64,
    head: String,
    signature: String,
}

pub(crate) fn signature_file(folder: &Path) -> PathBuf {
    folder.join("signature.json")
}

/// Signs a head, unless it is.
pub(crate) fn sign(signer: &Signer, folder: &Path, entry: u64, head: &str) -> Result<()> {
    let path = signature_file(folder);
    let signature = Signature { entry, head: head.to_owned(), signature: signer.sign(head) };
    let mut line = serde_json::to_vec(&signature).map_err(|error| failed(&path, error.into()))?;
    line.push(b'\n');
    if is_own(&path)? && fs::read(&path).is_ok_and(|stored| stored == line) {
        return Ok(());
    }
    write_whole(&path, &line)
}

/// What is wrong with the signature in a folder, whoever has signed: it must be of one of these heads.
pub(crate) fn check(folder: &Path, heads: &[String]) -> Option<String> {
    let text = fs::read(signature_file(folder)).ok()?;
    let Ok(signature) = serde_json::from_slice::<Signature>(&text) else {
        return Some("the signature cannot be read".to_owned());
    };
    let place = usize::try_from(signature.entry).ok().and_then(|entry| entry.checked_sub(1));
    let is_known = place.and_then(|place| heads.get(place)) == Some(&signature.head);
    (!is_known).then(|| {
        let entry = signature.entry;
        format!("the signature is of entry {entry}, which the ledger does not have so")
    })
}

/// Who has signed must have this key.
#[derive(Debug)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a public key, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    ///
    /// `INVALID_OPTION` where the file holds no such key, `NOT_FOUND` or `IO` where it cannot be read.
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

    /// What is wrong with the signature in a folder, of this head.
    pub(crate) fn check(&self, folder: &Path, head: &str) -> Option<String> {
        let text = match fs::read(signature_file(folder)) {
            Ok(text) => text,
            Err(_) => return Some("there is no signature".to_owned()),
        };
        let Ok(signature) = serde_json::from_slice::<Signature>(&text) else {
            return Some("the signature cannot be read".to_owned());
        };
        if signature.head != head {
            let message = "the signature is of another head, that of entry";
            return Some(format!("{message} {}", signature.entry));
        }
        let bytes = unhex(&signature.signature).unwrap_or_default();
        let verified = UnparsedPublicKey::new(&ED25519, self.0).verify(head.as_bytes(), &bytes);
        verified.is_err().then(|| "the signature is not of this key".to_owned())
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
