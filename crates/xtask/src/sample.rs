//! `cargo xtask sample`: logs that look real, of any length, the same every time.
//!
//! With `--events` it writes one log of that many events to a file or to standard output, in memory
//! that does not grow with it. Without, it writes `examples/logs` anew: small logs of every shape,
//! which together have every ID of the catalog and every trap that is known; and the sample that the
//! packages bring.

pub(crate) mod random;
pub(crate) mod record;
mod traps;

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use nhn_cloudtrail::catalog;

use crate::Result;
use record::Records;

/// What to write.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many events; without it, `examples/logs` is written anew.
    #[arg(long)]
    events: Option<u64>,
    /// Another seed gives another log, the same one the same log for ever.
    #[arg(long, default_value_t = SEED, requires = "events")]
    seed: u64,
    /// What the log looks like.
    #[arg(long, value_enum, default_value_t = Shape::Ndjson, requires = "events")]
    shape: Shape,
    /// The file to write; `-` is standard output.
    #[arg(long, default_value = "-", requires = "events")]
    out: PathBuf,
}

/// What a log looks like.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Shape {
    /// One object a line.
    Ndjson,
    /// An array, an element a line.
    Array,
    /// Objects one after the other, over several lines each.
    Pretty,
    /// One answer of the query API, version 1.0.
    AnswerV1,
    /// One answer of the query API, version 2.0, with its paging fields.
    AnswerV2,
    /// Answers of the query API one after the other, a page of 100 events each.
    Concatenated,
}

const SEED: u64 = 20_201_029;
/// How many events a page has in [`Shape::Concatenated`].
const PAGE: u64 = 100;
const HEADER: &str = r#""header":{"isSuccessful":true,"resultCode":0,"resultMessage":"SUCCESS"}"#;

pub(crate) fn run(args: &Args) -> Result<()> {
    let Some(events) = args.events else {
        fs::write(package_sample_path(), package_sample()?.bytes()?)?;
        return write_examples(&examples_dir());
    };
    let mut records = Records::new(args.seed);
    let written = if args.out == Path::new("-") {
        let out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
        write_log(args.shape, &mut records, events, out)
    } else {
        write_log(args.shape, &mut records, events, create(&args.out)?)
    };
    match written {
        // Whoever reads the log has had enough of it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Writes a log of so many events, one object a line.
pub(crate) fn write_ndjson(path: &Path, events: u64) -> Result<()> {
    Ok(write_log(Shape::Ndjson, &mut Records::new(SEED), events, create(path)?)?)
}

fn create(path: &Path) -> Result<BufWriter<fs::File>> {
    let file = fs::File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

fn write_log(
    shape: Shape,
    records: &mut Records,
    events: u64,
    mut out: impl Write,
) -> io::Result<()> {
    match shape {
        Shape::Ndjson => {
            for _ in 0..events {
                out.write_all(records.next_record().as_bytes())?;
                out.write_all(b"\n")?;
            }
        }
        Shape::Array => {
            out.write_all(b"[\n")?;
            write_elements(records, events, ",\n", &mut out)?;
            out.write_all(b"\n]\n")?;
        }
        Shape::Pretty => {
            for _ in 0..events {
                out.write_all(pretty(records.next_record()).as_bytes())?;
                out.write_all(b"\n")?;
            }
        }
        Shape::AnswerV1 => {
            write!(out, "{{{HEADER},\"page\":{{\"content\":[")?;
            write_elements(records, events, ",", &mut out)?;
            out.write_all(b"]}}\n")?;
        }
        Shape::AnswerV2 => {
            Page { number: 0, size: events, total: events }.write(records, &mut out)?;
        }
        Shape::Concatenated => {
            for number in 0..events.div_ceil(PAGE) {
                Page { number, size: PAGE, total: events }.write(records, &mut out)?;
            }
        }
    }
    out.flush()
}

fn write_elements(
    records: &mut Records,
    events: u64,
    between: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    for number in 0..events {
        if number > 0 {
            out.write_all(between.as_bytes())?;
        }
        out.write_all(records.next_record().as_bytes())?;
    }
    Ok(())
}

/// A page of an answer of version 2.0.
struct Page {
    number: u64,
    size: u64,
    total: u64,
}

impl Page {
    fn write(&self, records: &mut Records, out: &mut impl Write) -> io::Result<()> {
        const SORT: &str = r#""sort":{"empty":false,"sorted":true,"unsorted":false}"#;
        let Self { number, size, total } = *self;
        let offset = number * size;
        let elements = size.min(total - offset);
        let pages = total.div_ceil(size.max(1));
        let (first, last) = (number == 0, number + 1 >= pages);
        write!(out, "{{{HEADER},\"page\":{{\"content\":[")?;
        write_elements(records, elements, ",", out)?;
        writeln!(
            out,
            "],\"pageable\":{{{SORT},\"offset\":{offset},\"pageNumber\":{number},\"pageSize\":{size},\
             \"paged\":true,\"unpaged\":false}},\"last\":{last},\"first\":{first},\
             \"totalElements\":{total},\"totalPages\":{pages},\"size\":{size},\"number\":{number},\
             {SORT},\"numberOfElements\":{elements},\"empty\":{}}}}}",
            elements == 0,
        )
    }
}

/// The record over several lines, as a person would want to see it.
fn pretty(record: &str) -> String {
    let mut out = String::with_capacity(record.len() * 5 / 4);
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    for c in record.chars() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '{' | '[' => {
                depth += 1;
                out.push(c);
                line(&mut out, depth);
            }
            '}' | ']' => {
                depth -= 1;
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_string = c == '"';
                out.push(c);
            }
        }
    }
    out
}

fn package_sample_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/nhn_cloudtrail/sample.jsonl.gz")
}

/// A thousand events of some eight days, after the pass that has every ID.
fn package_sample() -> io::Result<Example> {
    const EVENTS: usize = 1000;
    const STRIDE: usize = 48;
    let mut records = Records::new(SEED);
    for _ in catalog::entries() {
        records.next_record();
    }
    let mut text = Vec::new();
    for number in 0..EVENTS * STRIDE {
        let record = records.next_record();
        if number % STRIDE == 0 {
            writeln!(text, "{record}")?;
        }
    }
    let compression = Compression::Gzip(usize::MAX);
    Ok(Example { path: "sample.jsonl.gz", text, compression })
}

fn examples_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/logs")
}

/// A file of `examples/logs`.
struct Example {
    path: &'static str,
    /// The text, before compression.
    text: Vec<u8>,
    compression: Compression,
}

#[derive(Clone, Copy)]
enum Compression {
    None,
    /// A member for each stretch of so many bytes.
    Gzip(usize),
    Zstd,
}

impl Example {
    /// The file's bytes: without time stamps, so that they are the same every time.
    fn bytes(&self) -> io::Result<Vec<u8>> {
        match self.compression {
            Compression::None => Ok(self.text.clone()),
            Compression::Zstd => zstd::encode_all(self.text.as_slice(), 19),
            Compression::Gzip(stretch) => {
                let mut bytes = Vec::new();
                for stretch in self.text.chunks(stretch) {
                    let mut member = GzEncoder::new(&mut bytes, flate2::Compression::best());
                    member.write_all(stretch)?;
                    member.finish()?;
                }
                Ok(bytes)
            }
        }
    }
}

/// All of them. Most IDs stand in the compressed ones, which keeps the folder small.
fn examples() -> io::Result<Vec<Example>> {
    use Compression::{Gzip, None, Zstd};
    use Shape::{AnswerV1, AnswerV2, Array, Concatenated, Ndjson, Pretty};
    const FILES: &[(&str, Compression, Shape, u64)] = &[
        ("2026/10/29/00.jsonl", None, Ndjson, 60),
        ("2026/10/29/01.jsonl.gz", Gzip(usize::MAX), Ndjson, 700),
        ("2026/10/29/02.jsonl.zst", Zstd, Ndjson, 700),
        ("2026/10/30/00.json", None, Array, 40),
        ("2026/10/30/01.json", None, Pretty, 30),
        // The first member ends inside a record.
        ("2026/10/30/02.jsonl.gz", Gzip(100_000), Ndjson, 400),
        ("2026/10/31/00-bom-crlf.jsonl", None, Ndjson, 30),
        ("2026/10/31/01.json.gz", Gzip(usize::MAX), Array, 300),
        ("api/v1.0/events.json", None, AnswerV1, 20),
        ("api/v2.0/events.json", None, AnswerV2, 20),
        ("api/v2.0/pages.json.zst", Zstd, Concatenated, 250),
    ];
    // One supply for all, so that its first pass over the catalog is spread over the files.
    let mut records = Records::new(SEED);
    let mut examples = Vec::new();
    for &(path, compression, shape, events) in FILES {
        let mut text = Vec::new();
        write_log(shape, &mut records, events, &mut text)?;
        if path.contains("bom-crlf") {
            let lines = String::from_utf8_lossy(&text).replace('\n', "\r\n");
            text = format!("\u{feff}{lines}").into_bytes();
        }
        examples.push(Example { path, text, compression });
    }
    let mut add = |path, text: String| {
        examples.push(Example { path, text: text.into_bytes(), compression: None });
    };
    add("api/v1.0/guide.json", traps::GUIDE.to_owned());
    add("traps.jsonl", traps::RECORDS.iter().map(|record| format!("{record}\n")).collect());
    // Its name begins with `_`, so that whoever reads the folder does not read it for a log.
    add("_README.md", README.to_owned());
    Ok(examples)
}

const README: &str = "\
# Sample logs
Made by `cargo xtask sample`; made up from end to end: people, projects, addresses, keys. The folder
looks as an export might, and is read as a whole: `nhn-cloudtrail read examples/logs/`.

| where | what |
| --- | --- |
| `2026/` | an export: one object a line, arrays, objects over several lines, with a byte-order mark and CRLF, as gzip (of several members too) and zstd |
| `api/` | answers of the query API, versions 1.0 and 2.0, and several one after the other; the example of the guide |
| `traps.jsonl` | every known way in which a record is not as one would expect; all of them are read |

Together they have every event ID of the catalog. Files whose names begin with `_` are skipped.
";

fn write_examples(folder: &Path) -> Result<()> {
    // What an older version wrote must not stay.
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    for example in examples()? {
        let path = folder.join(example.path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(&path, example.bytes()?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Read;

    use nhn_cloudtrail::Reader;

    use super::*;

    fn log(shape: Shape, seed: u64, events: u64) -> Vec<u8> {
        let mut text = Vec::new();
        write_log(shape, &mut Records::new(seed), events, &mut text).unwrap();
        text
    }

    fn files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else {
                found.insert(path);
            }
        }
    }

    #[test]
    fn the_examples_are_fresh() {
        let folder = examples_dir();
        let mut found = BTreeSet::new();
        files(&folder, &mut found);
        let examples = examples().unwrap().into_iter();
        let examples = examples.map(|example| (folder.join(example.path), example));
        for (path, example) in examples.chain([(package_sample_path(), package_sample().unwrap())])
        {
            let bytes = fs::read(&path).unwrap_or_default();
            // Compressors change; what counts is what they hold.
            let mut text = Vec::new();
            match example.compression {
                Compression::None => text = bytes,
                Compression::Gzip(_) => {
                    let mut members = flate2::read::MultiGzDecoder::new(bytes.as_slice());
                    members.read_to_end(&mut text).unwrap();
                }
                Compression::Zstd => text = zstd::decode_all(bytes.as_slice()).unwrap(),
            }
            assert!(text == example.text, "{}: run `cargo xtask sample`", example.path);
            found.remove(&path);
        }
        assert!(found.is_empty(), "no example any more: {found:?}");
    }

    #[test]
    fn the_examples_read_without_rejects_and_have_every_id() {
        let mut reader = Reader::open(examples_dir()).unwrap();
        let mut ids = BTreeSet::new();
        for event in reader.by_ref() {
            let event = event.unwrap();
            ids.extend(event.event_id().map(|id| id.into_owned()));
        }
        assert_eq!(reader.stats().rejects, 0);
        let missing: Vec<&str> = catalog::entries()
            .iter()
            .map(|entry| entry.id())
            .filter(|id| !ids.contains(*id))
            .collect();
        assert!(missing.is_empty(), "{} IDs are in no example: {missing:?}", missing.len());
    }

    #[test]
    fn the_examples_are_small() {
        let size: usize =
            examples().unwrap().iter().map(|example| example.bytes().unwrap().len()).sum();
        assert!(size < 3_000_000, "{size} bytes");
    }

    #[test]
    fn a_seed_gives_one_log_for_ever() {
        let first = log(Shape::Ndjson, 7, 50);
        assert_eq!(first, log(Shape::Ndjson, 7, 50));
        assert_ne!(first, log(Shape::Ndjson, 8, 50));
        assert!(log(Shape::Ndjson, 7, 60).starts_with(&first));
    }

    #[test]
    fn every_shape_has_the_same_events() {
        use Shape::{AnswerV1, AnswerV2, Array, Concatenated, Ndjson, Pretty};
        let keys = |shape| -> Vec<String> {
            let events = nhn_cloudtrail::parse(log(shape, 3, 250)).unwrap();
            events.iter().map(|event| event.key()).collect()
        };
        let expected = keys(Ndjson);
        assert_eq!(expected.len(), 250);
        for shape in [Array, Pretty, AnswerV1, AnswerV2, Concatenated] {
            assert_eq!(keys(shape), expected);
        }
        for shape in [Ndjson, Array, Pretty, AnswerV1, AnswerV2, Concatenated] {
            assert_eq!(nhn_cloudtrail::parse(log(shape, 3, 0)).unwrap().len(), 0);
        }
    }

    #[test]
    fn records_look_real() {
        let text = log(Shape::Ndjson, 1, 5000);
        let average = text.len() / 5000;
        assert!((1000..1400).contains(&average), "{average} bytes a record");
        let events = nhn_cloudtrail::parse(text).unwrap();
        let known: BTreeSet<String> =
            events.iter().map(|event| event.event_id().unwrap().into_owned()).collect();
        assert_eq!(known.len(), catalog::entries().len(), "the first pass has every ID");
        let count = |outcome: &str| {
            events.iter().filter(|event| event.enrich().outcome().as_str() == outcome).count()
        };
        assert!((4600..4850).contains(&count("success")), "{}", count("success"));
        assert_eq!(count("success") + count("failure"), events.len());
        for event in &events {
            assert!(event.problems().is_empty(), "{event:?}");
            let request = event.request_json::<serde::de::IgnoredAny>();
            assert!(request.unwrap().is_some());
        }
    }
}
