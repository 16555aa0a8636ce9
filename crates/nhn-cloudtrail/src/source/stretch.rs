//! A stretch of a file that is line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

use super::Watch;
use super::watch::Watched;

const BUFFER: usize = 256 << 10;

/// The lines of a file that begin in a stretch of it, all of the last one too: stretches that lie side
/// by side have each line once.
pub(super) struct Stretch {
    file: BufReader<Watched<File>>,
    /// Where in the file the next byte stands.
    at: u64,
    /// Where the stretch ends.
    end: u64,
    over: bool,
}

impl Stretch {
    pub(super) fn new(mut file: File, bytes: Range<u64>, watch: &Watch) -> io::Result<Self> {
        // The line feed before it tells that a line begins with the stretch.
        let before = bytes.start.saturating_sub(1);
        file.seek(SeekFrom::Start(before))?;
        let mut file = BufReader::with_capacity(BUFFER, watch.over(file));
        let mut at = before;
        if bytes.start > 0 {
            at += file.skip_until(b'\n')? as u64;
        }
        Ok(Self { file, at, end: bytes.end, over: at >= bytes.end })
    }

    /// Where in the file the next byte stands.
    pub(super) fn at(&self) -> u64 {
        self.at
    }
}

impl Read for Stretch {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.over {
            return Ok(0);
        }
        let text = self.file.fill_buf()?;
        let mut text = text.get(..buffer.len()).unwrap_or(text);
        // The line ends the stretch that has the last byte of it.
        let last = usize::try_from((self.end - 1).saturating_sub(self.at)).unwrap_or(usize::MAX);
        if let Some(line_feed) = memchr::memchr(b'\n', text.get(last..).unwrap_or_default()) {
            text = text.get(..last + line_feed + 1).unwrap_or(text);
            self.over = true;
        }
        let count = text.read(buffer)?;
        self.file.consume(count);
        self.at += count as u64;
        Ok(count)
    }
}
