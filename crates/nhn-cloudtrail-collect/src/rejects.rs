//! Rejects as JSON lines.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nhn_cloudtrail::{Position, Reject};
use serde::{Deserialize, Serialize};

/// Returns a reject as a JSON line: its position, the reason, and its bytes as `raw`, or as `raw_base64`
/// if they are not UTF-8.
pub fn reject_line(reject: &Reject) -> Vec<u8> {
    #[derive(Serialize)]
    struct Line<'a> {
        source: Option<&'a str>,
        record: u64,
        line: u64,
        byte: u64,
        code: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        raw: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        raw_base64: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        length: Option<u64>,
    }
    let Position { source, record, line, byte, .. } = reject.position();
    let raw = std::str::from_utf8(reject.raw()).ok();
    let line = Line {
        source: source.as_deref(),
        record: *record,
        line: *line,
        byte: *byte,
        code: reject.code().as_str(),
        message: reject.message(),
        raw,
        raw_base64: match raw {
            Some(_) => None,
            None => Some(STANDARD.encode(reject.raw())),
        },
        length: (reject.length() > reject.raw().len() as u64).then(|| reject.length()),
    };
    // Text and numbers can always be serialized.
    let mut json = serde_json::to_vec(&line).unwrap_or_default();
    json.push(b'\n');
    json
}

/// Returns the bytes of the reject in such a line.
pub(crate) fn raw_of(line: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Line {
        raw: Option<String>,
        raw_base64: Option<String>,
    }
    let Line { raw, raw_base64 } = serde_json::from_slice(line).ok()?;
    match (raw, raw_base64) {
        (Some(raw), _) => Some(raw.into_bytes()),
        (None, base64) => STANDARD.decode(base64?).ok(),
    }
}
