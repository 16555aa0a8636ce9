//! Gzip of any number of members, giving out all that stands before a damaged place.
//!
//! The readers of `flate2` drop what a call has decoded when it then meets damage, as much as the
//! caller's buffer holds; an audit wants those records. So its decoder is driven here.

use std::io::{self, BufRead, BufReader, Read};

use flate2::{Decompress, FlushDecompress, Status};

use super::damaged;

/// Decompresses gzip. Zero bytes after a member are padding, as for `gzip`.
pub(super) struct Gzip<R> {
    input: BufReader<R>,
    decoder: Decompress,
    /// Whether the last member has ended and no other has begun.
    between: bool,
    /// What is wrong after the bytes that were given out last.
    failure: Option<io::Error>,
}

impl<R: Read> Gzip<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(256 << 10, input),
            decoder: Decompress::new_gzip(15),
            between: false,
            failure: None,
        }
    }
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if output.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            let input = self.input.fill_buf()?;
            let cut_off = input.is_empty();
            if self.between {
                match input.first() {
                    None => return Ok(0),
                    Some(0) => {
                        let padding = input.iter().take_while(|byte| **byte == 0).count();
                        self.input.consume(padding);
                        continue;
                    }
                    Some(0x1f) => {
                        self.decoder.reset(true);
                        self.between = false;
                    }
                    _ => return Err(damaged("the gzip data is followed by something else")),
                }
            }
            let (taken, given) = (self.decoder.total_in(), self.decoder.total_out());
            let status = self.decoder.decompress(input, output, FlushDecompress::None);
            let taken = (self.decoder.total_in() - taken) as usize;
            let given = (self.decoder.total_out() - given) as usize;
            self.input.consume(taken);
            match status {
                Ok(Status::StreamEnd) => self.between = true,
                // Without input there is still what found no place in the outputs before.
                Ok(_) if taken == 0 && given == 0 => {
                    self.failure = Some(match cut_off {
                        true => {
                            io::Error::new(io::ErrorKind::UnexpectedEof, "the gzip data is cut off")
                        }
                        false => damaged("the gzip data is damaged"),
                    });
                }
                Ok(_) => (),
                Err(_) => self.failure = Some(damaged("the gzip data is damaged")),
            }
            if given > 0 {
                return Ok(given);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::super::tests::read_in_steps;
    use super::*;

    fn decompress(gzip: &[u8], step: usize) -> (Vec<u8>, Option<String>) {
        read_in_steps(Gzip::new(gzip), step)
    }

    #[test]
    fn what_is_cut_off_gives_the_same_in_any_steps() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all("{\"eventId\":\"a\"}\n".repeat(40).as_bytes()).unwrap();
        encoder.write_all(b"{\"eventLogUuid\":\"1\",\"region\":\"KR1\"}\n").unwrap();
        let gzip = encoder.finish().unwrap();
        for end in 0..=gzip.len() {
            let whole = decompress(&gzip[..end], 1 << 16);
            assert_eq!(whole.1.is_some(), end > 0 && end < gzip.len() || end == 0, "{end}");
            for step in 1..40 {
                assert_eq!(decompress(&gzip[..end], step), whole, "{end} bytes, steps of {step}");
            }
        }
    }
}
