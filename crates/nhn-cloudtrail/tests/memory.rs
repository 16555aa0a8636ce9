//! Memory does not grow with the input. Everything here shares one process and its high-water mark.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "in tests a panic is the report")]

use std::io::{self, Read, Write};

use nhn_cloudtrail::{Code, Item, Reader, Stats};

const MIB: u64 = 1 << 20;
const RECORD: &[u8] =
    br#"{"eventTime":"2026-01-02T03:04:05.678+0000","eventId":"event_id.iaas.instance.create","userName":"\uae40","request":"{\"a\":1}"}
"#;

/// `prefix`, then `unit` again and again, `total` bytes in all.
struct Endless {
    prefix: &'static [u8],
    unit: &'static [u8],
    at: u64,
    total: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() && self.at < self.total {
            let prefix = self.prefix.len() as u64;
            let (text, from) = if self.at < prefix {
                (self.prefix, self.at)
            } else {
                (self.unit, (self.at - prefix) % self.unit.len() as u64)
            };
            let text = &text[from as usize..];
            let count = text.len().min(buffer.len() - filled).min((self.total - self.at) as usize);
            buffer[filled..filled + count].copy_from_slice(&text[..count]);
            filled += count;
            self.at += count as u64;
        }
        Ok(filled)
    }
}

fn endless(prefix: &'static [u8], unit: &'static [u8], total: u64) -> Endless {
    Endless { prefix, unit, at: 0, total }
}

fn read_all(stream: impl Read + Send + 'static) -> (Stats, Vec<Code>) {
    let mut reader = Reader::from_reader(stream).unwrap();
    let mut codes = Vec::new();
    while let Some(item) = reader.next_item() {
        match item {
            Ok(Item::Event(_)) => (),
            Ok(Item::Reject(reject)) => codes.push(reject.code()),
            Err(error) => codes.push(error.code()),
        }
    }
    (reader.stats(), codes)
}

fn high_water_mark() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn stays_flat() {
    // Many records.
    let count = 200 * MIB / RECORD.len() as u64;
    let (stats, codes) = read_all(endless(b"", RECORD, count * RECORD.len() as u64));
    assert_eq!((stats.events, codes.len()), (count, 0));

    // One line without an end, of every kind that the reader tells apart.
    let long = 200 * MIB;
    for (prefix, unit) in [
        (&b"{\"eventId\":\""[..], &b"a"[..]),
        (b"{\"a\":[", b"1,"),
        (b"{\"a\":", b"["),
        (b"[\"", b"a"),
        (b"", b"text "),
        (b"{\"eventId\":\"a\"}\n{\"b\":\"", b"b"),
    ] {
        let (stats, codes) = read_all(endless(prefix, unit, long));
        assert_eq!(stats.rejects, 1, "{:?}", String::from_utf8_lossy(prefix));
        assert!(
            matches!(codes[..], [Code::RecordTooLarge | Code::RecordTooDeep]),
            "{:?}: {codes:?}",
            String::from_utf8_lossy(prefix)
        );
    }

    // Many rejects, with and without a record before them.
    let line: &[u8] = [b"not JSON ".repeat(11_111), b"\n".to_vec()].concat().leak();
    for prefix in [&b""[..], RECORD] {
        let total = prefix.len() as u64 + 2500 * line.len() as u64;
        let (stats, codes) = read_all(endless(prefix, line, total));
        // Without a record, the end is one more error.
        let told = 2500 + usize::from(prefix.is_empty());
        assert_eq!((stats.rejects, codes.len()), (2500, told));
    }

    // Blanks, NUL bytes, and an array of records that is one line.
    let (stats, codes) = read_all(endless(b"", b" \n", long));
    assert_eq!((stats.records, codes.len()), (0, 0));
    let (stats, codes) = read_all(endless(b"{\"eventId\":\"a\"}\n", b"\0", long));
    assert_eq!((stats.events, codes.len()), (1, 0));
    assert!(stats.nul_bytes > long - 100);
    let (stats, codes) = read_all(endless(b"{\"eventId\":\"a\"}", b" ", long));
    assert_eq!((stats.events, codes.len()), (1, 0));
    let (stats, codes) = read_all(endless(b"[", b"{\"eventId\":\"a\"},", long));
    assert!(stats.events > 10_000_000);
    assert_eq!(codes, [Code::Truncated]);

    // Broken text of which every place looks like the next record's: what it costs is in proportion
    // to its length, or this would not end.
    for (prefix, unit) in [
        (&b"["[..], &br#"{"a":"1},"#[..]),
        (b"[", br#"{"a":{"b":1,{"eventId":"x"},"#),
        (b"", b"{\"a\":\n"),
        (b"{\n\"eventId\":\"a\"\n}\n", b"{\n"),
        (b"{\"a\":[\n{\"a\":[\n{\"a\":[\n{\"a\":[\n{\"a\":[\n", b"1,"),
    ] {
        let (stats, _) = read_all(endless(prefix, unit, 16 * MIB));
        assert_eq!(stats.records, stats.events + stats.rejects);
    }

    // A gzip bomb: a gibibyte of one byte in a mebibyte.
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..1024 {
        packer.write_all(&[b' '; 1 << 20]).unwrap();
    }
    let bomb = packer.finish().unwrap();
    let (stats, codes) = read_all(io::Cursor::new(bomb));
    assert_eq!((stats.records, codes.len()), (0, 0));

    let peak = high_water_mark() / MIB;
    assert!(peak < 64, "took {peak} MiB");
}
