#![allow(missing_docs)]
use nhn_cloudtrail::catalog::*;
#[test]
fn dump() {
    let text = std::fs::read_to_string("data/events.tsv").unwrap();
    let mut out = String::new();
    for line in text.lines().skip(1) {
        let id = line.split('\t').next().unwrap();
        let a = infer_action(id);
        out += &format!("{id}\t{}\t{}\t{}\t{}\n", a.as_ref().and_then(|a| a.verb()).unwrap_or(""),
            a.as_ref().map(|a| a.kind().as_str()).unwrap_or(""),
            a.as_ref().and_then(|a| a.phase()).map(|p| p.as_str()).unwrap_or(""), infer_resource(id).unwrap_or_default());
    }
    std::fs::write("/work/tmp/rules.tsv", out).unwrap();
}
