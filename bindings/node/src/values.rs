//! Small values of the core as those of `node/src/types.ts`.

use napi::bindgen_prelude::*;
use napi_derive::napi;
use nhn_cloudtrail::catalog::Action as CoreAction;
use nhn_cloudtrail::{Position, Reject as CoreReject, Stats as CoreStats, TargetMember};

#[napi(object, object_from_js = false)]
pub struct Place {
    pub source: Option<String>,
    pub record: f64,
    pub line: f64,
    pub byte: f64,
}

impl Place {
    pub(crate) fn new(position: &Position) -> Self {
        Self {
            source: position.source.as_deref().map(str::to_owned),
            record: position.record as f64,
            line: position.line as f64,
            byte: position.byte as f64,
        }
    }
}

#[napi(object, object_from_js = false)]
pub struct Pair {
    pub key: String,
    pub json: String,
}

#[napi(object, object_from_js = false)]
pub struct Member {
    pub id_no: Option<String>,
    pub name: Option<String>,
    pub user_code: Option<String>,
    pub email_address: Option<String>,
}

impl Member {
    pub(crate) fn new(member: TargetMember<'_>) -> Self {
        let TargetMember { id_no, name, user_code, email_address, .. } = member;
        Self {
            id_no: id_no.map(String::from),
            name: name.map(String::from),
            user_code: user_code.map(String::from),
            email_address: email_address.map(String::from),
        }
    }
}

#[napi(object, object_from_js = false)]
pub struct Action {
    pub verb: Option<String>,
    pub kind: &'static str,
    pub phase: Option<&'static str>,
    pub provenance: &'static str,
}

impl Action {
    pub(crate) fn new(action: &CoreAction) -> Self {
        Self {
            verb: action.verb().map(str::to_owned),
            kind: action.kind().as_str(),
            phase: action.phase().map(|phase| phase.as_str()),
            provenance: action.provenance().as_str(),
        }
    }
}

#[napi(object, object_from_js = false)]
pub struct Stats {
    pub records: f64,
    pub events: f64,
    pub rejects: f64,
    pub duplicates: f64,
    pub conflicts: f64,
    pub filtered: f64,
    pub unrecognized: f64,
    pub nul_bytes: f64,
}

impl Stats {
    pub(crate) fn new(stats: CoreStats) -> Self {
        let CoreStats { records, events, rejects, duplicates, conflicts, filtered, .. } = stats;
        let CoreStats { unrecognized, nul_bytes, .. } = stats;
        Self {
            records: records as f64,
            events: events as f64,
            rejects: rejects as f64,
            duplicates: duplicates as f64,
            conflicts: conflicts as f64,
            filtered: filtered as f64,
            unrecognized: unrecognized as f64,
            nul_bytes: nul_bytes as f64,
        }
    }
}

#[napi(object, object_from_js = false)]
pub struct Reject {
    pub position: Place,
    pub code: &'static str,
    pub message: String,
    pub raw: Buffer,
    pub length: f64,
}

impl Reject {
    pub(crate) fn new(reject: &CoreReject) -> Self {
        Self {
            position: Place::new(reject.position()),
            code: reject.code().as_str(),
            message: reject.message().to_owned(),
            raw: reject.raw().into(),
            length: reject.length() as f64,
        }
    }
}
