//! What is measured on: logs of one seed, in the shapes that the contenders read.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;

use crate::Result;
use crate::sample::random::Random;
use crate::sample::record::{Mix, Records};

const SEED: u64 = 20_260_301;
/// Some IDs make up most of a real log; a third of what programs send is written over lines.
const MIX: Mix = Mix { ids: 166, each_first: false, steady_products: true, pretty: 33 };
/// How many records an API answer has.
const PAGE: u64 = 1000;

/// What a file of data looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One object a line.
    Lines,
    /// The same, as gzip.
    Gzip,
    /// API answers of 1,000 records, one a line.
    Answers,
    /// One object a line, its keys in another order each time.
    Shuffled,
}

/// The file with so many events in that shape, made where it is not there.
pub(super) fn file(folder: &Path, shape: Shape, events: u64) -> Result<PathBuf> {
    let path = folder.join(match shape {
        Shape::Lines => format!("lines-{events}.jsonl"),
        Shape::Gzip => format!("lines-{events}.jsonl.gz"),
        Shape::Answers => format!("answers-{events}.json"),
        Shape::Shuffled => format!("shuffled-{events}.jsonl"),
    });
    if !path.exists() {
        fs::create_dir_all(folder)?;
        eprintln!("making {}", path.display());
        // Under another name until it is whole.
        let unfinished = path.with_extension("unfinished");
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&unfinished)?);
        write(shape, events, &mut out)?;
        fs::rename(unfinished, &path)?;
    }
    Ok(path)
}

fn write(shape: Shape, events: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut records = Records::with_mix(SEED, MIX);
    match shape {
        Shape::Lines => {
            for _ in 0..events {
                writeln!(out, "{}", records.next_record())?;
            }
        }
        Shape::Gzip => {
            let mut gzip = GzEncoder::new(&mut *out, flate2::Compression::default());
            write(Shape::Lines, events, &mut gzip)?;
            gzip.finish()?;
        }
        Shape::Answers => {
            for number in 0..events {
                out.write_all(match number % PAGE {
                    0 => br#"{"header":{"isSuccessful":true,"resultCode":0,"resultMessage":"SUCCESS"},"page":{"content":["#,
                    _ => b",",
                })?;
                out.write_all(records.next_record().as_bytes())?;
                if number % PAGE == PAGE - 1 || number == events - 1 {
                    out.write_all(b"]}}\n")?;
                }
            }
        }
        Shape::Shuffled => {
            let mut random = Random::new(SEED);
            for _ in 0..events {
                let mut members = members(records.next_record());
                for end in (1..members.len()).rev() {
                    members.swap(end, random.below(end as u64 + 1) as usize);
                }
                writeln!(out, "{{{}}}", members.join(","))?;
            }
        }
    }
    out.flush()
}

/// The members of a record, as they stand in it.
fn members(record: &str) -> Vec<&str> {
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    let inside = record.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let ends_member = |c: char| {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            return false;
        }
        match c {
            '"' => in_string = true,
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    };
    inside.unwrap_or_default().split(ends_member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_has_the_same_events() {
        let events = |shape| {
            let mut text = Vec::new();
            write(shape, 2500, &mut text).unwrap();
            nhn_cloudtrail::parse(text).unwrap()
        };
        let keys = |shape| -> Vec<String> {
            // Of canonical content, so that whatever is lost in shuffling shows.
            events(shape).iter().map(|event| event.key()).collect()
        };
        let lines = events(Shape::Lines);
        let bytes: usize = lines.iter().map(|event| event.raw().len() + 1).sum();
        assert!((1150..1270).contains(&(bytes / 2500)), "{} bytes a record", bytes / 2500);
        let keys_of_lines = keys(Shape::Lines);
        for shape in [Shape::Gzip, Shape::Answers, Shape::Shuffled] {
            assert_eq!(keys(shape), keys_of_lines);
        }
        for (shuffled, event) in events(Shape::Shuffled).iter().zip(&lines) {
            assert_eq!(shuffled.raw().len(), event.raw().len());
            assert_eq!(shuffled.request(), event.request());
        }
    }
}
