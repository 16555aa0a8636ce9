//! The checksum of a Parquet file, which reveals a change of any of its bytes.
//!
//! The Parquet library cannot write checksums of pages. Instead, a file has 24 bytes between the last
//! page index and the footer, which other readers of Parquet skip:
//!
//! | bytes | |
//! | --- | --- |
//! | 8 | `NHNXXH3\n` |
//! | 8 | the XXH3-64 of all bytes before, little-endian |
//! | 8 | the XXH3-64 of the 8 bytes before and of the footer to the end of the file, little-endian |
//!
//! They are found by the footer's length. The footer is short and is checked whenever a file is
//! opened, the rest on request.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Read, Seek, SeekFrom};

use twox_hash::XxHash3_64;

const MAGIC: &[u8; 8] = b"NHNXXH3\n";

/// How many bytes a checksum has.
const LENGTH: u64 = 24;

/// How many bytes end a footer: its length and the name of the format.
const END: usize = 8;

/// The bytes read at a time, and the bytes between two checks for cancellation.
const BUFFER: usize = 256 << 10;
const STEP: u64 = 4 << 20;

/// Makes the checksum of a file with this hash of all before the footer.
pub(super) fn of(body: u64, footer: &[u8]) -> Vec<u8> {
    let body = body.to_le_bytes();
    let mut hash = XxHash3_64::new();
    hash.write(&body);
    hash.write(footer);
    [MAGIC.as_slice(), &body, &hash.finish().to_le_bytes()].concat()
}

/// Where the footer begins in the last bytes of a file; none where they are not those of Parquet.
pub(super) fn footer(bytes: &[u8]) -> Option<usize> {
    bytes.len().checked_sub(END)?.checked_sub(length(bytes.last_chunk()?) as usize)
}

fn length(&[a, b, c, d, ..]: &[u8; END]) -> u32 {
    u32::from_le_bytes([a, b, c, d])
}

/// Checks the body of a file against its checksum, some of it at a time.
pub(super) struct Body {
    file: File,
    hash: XxHash3_64,
    at: u64,
    end: u64,
    wanted: u64,
}

impl Body {
    /// Reads the checksum of a file and checks the footer; none where the file has no checksum.
    pub(super) fn open(mut file: File) -> io::Result<Option<Self>> {
        let size = file.seek(SeekFrom::End(0))?;
        let mut tail = [0; END];
        let Some(at) = size.checked_sub(END as u64) else { return Ok(None) };
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut tail)?;
        let end = at.checked_sub(u64::from(length(&tail))).and_then(|at| at.checked_sub(LENGTH));
        let Some(end) = end else { return Ok(None) };
        file.seek(SeekFrom::Start(end))?;
        let [mut magic, mut body, mut footer] = [[0; 8]; 3];
        for part in [&mut magic, &mut body, &mut footer] {
            file.read_exact(part)?;
        }
        if magic != *MAGIC {
            return Ok(None);
        }
        let mut hash = XxHash3_64::new();
        hash.write(&body);
        let to = update(&mut file, &mut hash, end + LENGTH, size)?;
        if to != size || hash.finish() != u64::from_le_bytes(footer) {
            return Err(wrong("its footer does not match its checksum"));
        }
        let hash = XxHash3_64::new();
        Ok(Some(Self { file, hash, at: 0, end, wanted: u64::from_le_bytes(body) }))
    }

    /// Checks on; true at the end of the body.
    pub(super) fn step(&mut self) -> io::Result<bool> {
        let to = self.end.min(self.at + STEP);
        self.at = update(&mut self.file, &mut self.hash, self.at, to)?;
        if self.at < to {
            return Err(wrong("it became shorter"));
        }
        if self.at < self.end {
            return Ok(false);
        }
        match self.hash.finish() == self.wanted {
            true => Ok(true),
            false => Err(wrong("its content does not match its checksum")),
        }
    }
}

/// Hashes a part of a file; gives how far it went.
fn update(file: &mut File, hash: &mut XxHash3_64, from: u64, to: u64) -> io::Result<u64> {
    let mut at = file.seek(SeekFrom::Start(from))?;
    let mut buffer = vec![0; BUFFER];
    while at < to {
        let wanted = usize::try_from(to - at).unwrap_or(BUFFER).min(BUFFER);
        let count = match file.read(buffer.get_mut(..wanted).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.write(buffer.get(..count).unwrap_or_default());
        at += count as u64;
    }
    Ok(at)
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
