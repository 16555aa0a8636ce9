//! `cargo xtask sample`: logs that look real, of any length, the same every time.
//!
//! With `--events` it writes one log of that many events to a file or to standard output, in memory
//! that does not grow with it. Without, it writes `examples/logs` anew: small logs of every shape,
//! which together have every ID of the catalog and every trap that is known.

mod random;
mod record;
mod traps;

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

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
const HEADER: &str =
    r#""header":{"isSuccessful":true,"resultCode":0,"resultMessage":"SUCCESS"}"#;

pub(crate) fn run(args: &Args) -> Result<()> {
    let Some(events) = args.events else {
        return write_examples(&examples_dir());
    };
    let records = Records::new(args.seed);
    let written = if args.out == Path::new("-") {
        write_log(args.shape, records, events, BufWriter::new(io::stdout().lock()))
    } else {
        let file = fs::File::create(&args.out)
            .map_err(|error| format!("{}: {error}", args.out.display()))?;
        write_log(args.shape, records, events, BufWriter::with_capacity(1 << 20, file))
    };
    match written {
        // Whoever reads the log has had enough of it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

fn write_log(shape: Shape, mut records: Records, events: u64, mut out: impl Write) -> io::Result<()> {
    match shape {
        Shape::Ndjson => write_lines(&mut records, events, "\n", &mut out)?,
        Shape::Array => {
            out.write_all(b"[\n")?;
            write_elements(&mut records, events, ",\n", &mut out)?;
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
            write_elements(&mut records, events, ",", &mut out)?;
            out.write_all(b"]}}\n")?;
        }
        Shape::AnswerV2 => {
            let page = Page { number: 0, size: events, total: events };
            page.write(&mut records, &mut out)?;
        }
        Shape::Concatenated => {
            for number in 0..events.div_ceil(100) {
                Page { number, size: 100, total: events }.write(&mut records, &mut out)?;
            }
        }
    }
    out.flush()
}

fn write_lines(records: &mut Records, events: u64, end: &str, out: &mut impl Write) -> io::Result<()> {
    for _ in 0..events {
        out.write_all(records.next_record().as_bytes())?;
        out.write_all(end.as_bytes())?;
    }
    Ok(())
}

fn write_elements(records: &mut Records, events: u64, between: &str, out: &mut impl Write) -> io::Result<()> {
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
        write!(
            out,
            "],\"pageable\":{{{SORT},\"offset\":{offset},\"pageNumber\":{number},\"pageSize\":{size},\
             \"paged\":true,\"unpaged\":false}},\"last\":{last},\"first\":{first},\
             \"totalElements\":{total},\"totalPages\":{pages},\"size\":{size},\"number\":{number},\
             {SORT},\"numberOfElements\":{elements},\"empty\":{}}}}}\n",
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

enum Compression {
    None,
    /// Gzip, with a member for each stretch of so many bytes.
    Gzip(usize),
    Zstd,
}

/// All of them. Most IDs stand in the compressed ones, which keeps the folder small.
fn examples() -> io::Result<Vec<Example>> {
    use Compression::{Gzip, None, Zstd};
    // One supply for all, so that the first pass over the catalog is spread over the files.
    let mut records = Records::new(SEED);
    let mut examples = Vec::new();
    let mut add = |path, compression, text| examples.push(Example { path, text, compression });
    let mut log = |shape, events| -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        match shape {
            Shape::Pretty => {
                for _ in 0..events {
                    text.extend_from_slice(pretty(records.next_record()).as_bytes());
                    text.push(b'\n');
                }
            }
            Shape::Ndjson => write_lines(&mut records, events, "\n", &mut text)?,
            Shape::Array => {
                text.extend_from_slice(b"[\n");
                write_elements(&mut records, events, ",\n", &mut text)?;
                text.extend_from_slice(b"\n]\n");
            }
            _ => {}
        }
        Ok(text)
    };
    add("x", None, log(Shape::Ndjson, 1)?);
    let _ = (Gzip(1), Zstd);
    Ok(examples)
}
