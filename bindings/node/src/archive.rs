//! Archives, looked at. What is found is handed over as JSON, in whose shape others have it too.

use napi::bindgen_prelude::*;
use napi_derive::napi;
use nhn_cloudtrail::{Code, Error as CoreError};
use nhn_cloudtrail_collect::{PublicKey, Status, Verify};

use crate::apart::apart;

fn json(value: &impl serde::Serialize) -> nhn_cloudtrail::Result<String> {
    let json = serde_json::to_string(value);
    json.map_err(|error| CoreError::new(Code::Panic, "this has no JSON").caused_by(error))
}

/// Whether an archive is as its ledger says.
#[napi(ts_return_type = "Promise<string>")]
pub fn verify_archive(
    env: &Env,
    path: String,
    head: Option<String>,
    public_key: Option<String>,
    head_file: Option<String>,
) -> Result<Object<'_>> {
    let work = move || {
        let key = public_key.map(PublicKey::open).transpose()?;
        let mut verify = Verify::new();
        if let Some(head) = &head {
            verify = verify.head(head);
        }
        if let Some(key) = &key {
            verify = verify.public_key(key);
        }
        if let Some(path) = &head_file {
            verify = verify.head_file(path.as_ref());
        }
        json(&verify.run(path, &mut |_, _| true)?)
    };
    apart(env, work, |json| json)
}

/// What an archive has.
#[napi(ts_return_type = "Promise<string>")]
pub fn archive_status(env: &Env, path: String) -> Result<Object<'_>> {
    apart(env, move || json(&Status::read(path)?), |json| json)
}
