//! Zstd of any number of frames, giving out everything that was decoded before a damaged place.
//!
//! The decoder drops what a call has decoded when the same call then meets damage. So it is given no
//! more input at a time than it asks for, a block or a checksum: only a damaged block is lost.

use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;

use ::zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

use super::{Unread, damaged};
use crate::error::{Code, Error, Position};

/// The largest window that is accepted, as a power of two: 128 MiB, what `zstd` itself reads without
/// being asked to.
const WINDOW_LOG: u32 = 27;

/// The largest window that `zstd --long` accepts.
const LONGEST_LOG: u32 = 31;

/// How many bytes tell where a frame's header ends, and how many it has at the most.
const HEAD: usize = 5;
const HEADER: usize = 18;

/// Decompresses zstd.
pub(super) struct Zstd<R> {
    input: BufReader<R>,
    decoder: Decoder<'static>,
    /// How many bytes the decoder asks for; 0 between frames.
    wanted: usize,
    /// Whether the decoder may hold more than the last output had room for.
    holds_more: bool,
    /// The first bytes of the frame, as far as they were read.
    header: Vec<u8>,
    /// The source, for errors.
    position: Position,
}

impl<R: Read> Zstd<R> {
    pub(super) fn new(input: R, position: Position) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
        Ok(Self {
            input: BufReader::with_capacity(256 << 10, input),
            decoder,
            wanted: 0,
            holds_more: false,
            header: Vec::with_capacity(HEADER),
            position,
        })
    }

    /// Takes one step; breaks with how many bytes were given out, 0 at the end.
    fn step(&mut self, output: &mut [u8]) -> io::Result<ControlFlow<usize>> {
        let room = output.len();
        let mut output = OutBuffer::around(output);
        if std::mem::take(&mut self.holds_more) {
            let run = self.decoder.run(&mut InBuffer::around(&[]), &mut output);
            run.map_err(|_| self.failure())?;
        } else {
            let input = self.input.fill_buf()?;
            if input.is_empty() {
                return match self.wanted {
                    0 => Ok(ControlFlow::Break(0)),
                    _ => Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the zstd data is cut off",
                    )),
                };
            }
            if self.wanted == 0 {
                self.wanted = HEAD;
                self.header.clear();
            }
            let input = input.get(..self.wanted).unwrap_or(input);
            let missing = HEADER.saturating_sub(self.header.len());
            self.header.extend(input.iter().take(missing));
            let mut input = InBuffer::around(input);
            match self.decoder.run(&mut input, &mut output) {
                Ok(wanted) => self.wanted = wanted,
                Err(_) => return Err(self.failure()),
            }
            let taken = input.pos();
            self.input.consume(taken);
        }
        let given = output.pos();
        self.holds_more = given == room;
        Ok(if given > 0 { ControlFlow::Break(given) } else { ControlFlow::Continue(()) })
    }

    /// The error for data that the decoder refuses.
    fn failure(&self) -> io::Error {
        if !is_frame(&self.header) {
            return damaged("the zstd data is followed by something else");
        }
        let window = window(&self.header).unwrap_or_default();
        if window <= 1 << WINDOW_LOG {
            return damaged("the zstd data is damaged");
        }
        let size = size(window);
        if window > 1 << LONGEST_LOG {
            return damaged(&format!("the zstd data asks for a window of {size}"));
        }
        let log = window.next_power_of_two().trailing_zeros();
        let message = format!(
            "zstd frame with a window of {size}; this reader accepts up to 128 MiB; recompress it \
             with `zstd -d --long={log} | zstd`"
        );
        Unread::error(Error::new(Code::BadCompression, message).at(self.position.clone()))
    }
}

impl<R: Read> Read for Zstd<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if output.is_empty() {
            return Ok(0);
        }
        loop {
            if let ControlFlow::Break(given) = self.step(output)? {
                return Ok(given);
            }
        }
    }
}

/// Whether a frame begins with these bytes, or one that is skipped.
pub(super) fn is_frame(head: &[u8]) -> bool {
    matches!(head, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// How much of what was decoded a frame refers back to, in bytes, from its header (RFC 8878, 3.1.1.1).
fn window(header: &[u8]) -> Option<u64> {
    let (&descriptor, rest) = header.get(4..)?.split_first()?;
    if descriptor & 0x20 == 0 {
        let byte = u64::from(*rest.first()?);
        let base = 1 << (10 + (byte >> 3));
        return Some(base + base / 8 * (byte & 7));
    }
    // A single segment: all of the content, whose size stands after the number of a dictionary.
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let size = 1 << (descriptor >> 6);
    let bytes = rest.get(*dictionary..)?.get(..size)?;
    let number = bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    Some(if size == 2 { number + 256 } else { number })
}

/// A number of bytes in words, rounded up.
fn size(bytes: u64) -> String {
    match bytes.trailing_zeros() {
        30.. => format!("{} GiB", bytes >> 30),
        _ => format!("{} MiB", bytes.div_ceil(1 << 20)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::tests::read_in_steps;
    use super::*;

    fn decompress(zstd: &[u8], step: usize) -> (Vec<u8>, Option<String>) {
        read_in_steps(Zstd::new(zstd, Position::default()).unwrap(), step)
    }

    fn compress(text: &[u8], checksum: bool) -> Vec<u8> {
        let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(checksum).unwrap();
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// A frame of one block that is not compressed, with this header after the magic number.
    fn frame(header: &[u8], text: &[u8]) -> Vec<u8> {
        let block = ((text.len() as u32) << 3 | 1).to_le_bytes();
        [b"\x28\xb5\x2f\xfd", header, &block[..3], text].concat()
    }

    #[test]
    fn what_is_cut_off_gives_the_same_in_any_steps() {
        let text = "{\"eventId\":\"a\"}\n".repeat(40);
        let skipped = b"\x53\x2a\x4d\x18\x03\0\0\0abc";
        let zstd = [&skipped[..], &compress(text.as_bytes(), true), skipped, &compress(b"b", true)];
        let ends = zstd.iter().scan(0, |end, part| {
            *end += part.len();
            Some(*end)
        });
        let (ends, zstd) = (ends.collect::<Vec<_>>(), zstd.concat());
        for end in 0..=zstd.len() {
            let whole = decompress(&zstd[..end], 1 << 16);
            let cut = (end > 0 && !ends.contains(&end)).then(|| "the zstd data is cut off".into());
            assert_eq!(whole.1, cut, "{end}");
            for step in [1, 2, 3, 7, 16, 17, 39, 680] {
                assert_eq!(decompress(&zstd[..end], step), whole, "{end} bytes, steps of {step}");
            }
        }
    }

    #[test]
    fn blocks_before_a_damage_are_kept_whatever_the_steps() {
        let text: Vec<u8> = (0..100_000u32).flat_map(|number| number.to_le_bytes()).collect();
        let mut zstd = compress(&text, true);
        *zstd.last_mut().unwrap() ^= 1;
        for step in [1 << 10, 100_000, 1 << 17, 1 << 20] {
            let damaged = Some("the zstd data is damaged".to_owned());
            assert_eq!(decompress(&zstd, step), (text.clone(), damaged), "{step}");
        }
        let mut zstd = compress(&text, false);
        let at = zstd.len() - 9;
        zstd[at..].fill(0xff);
        let (kept, error) = decompress(&zstd, 1 << 20);
        assert!(
            text.starts_with(&kept) && kept.len() >= text.len() - (128 << 10) && error.is_some()
        );
    }

    #[test]
    fn what_follows_a_frame_is_a_frame() {
        let mut zstd = compress(b"text", false);
        for end in ["x", "xyz", "text that is longer", "\0", "\x28", "\x1f\u{8b}"] {
            let (text, error) = decompress(&[&zstd, end.as_bytes()].concat(), 1 << 16);
            assert_eq!(text, b"text");
            let expected = if end == "\x28" { "cut off" } else { "followed by something else" };
            assert!(
                error.as_ref().is_some_and(|error| error.contains(expected)),
                "{end:?} {error:?}"
            );
        }
        zstd.extend(frame(&[0, 0xf8], b"text"));
        assert_eq!(decompress(&zstd, 9).1.unwrap(), "the zstd data asks for a window of 2048 GiB");
    }

    #[test]
    fn a_window_beyond_the_limit_is_named_with_what_to_do() {
        let single = |flags: u8, number: &[u8]| frame(&[&[0x20 | flags], number].concat(), b"text");
        let limit = 128u32 << 20;
        for (zstd, window, log) in [
            (frame(&[0, 18 << 3], b"text"), "256 MiB", "28"),
            (frame(&[0, 17 << 3 | 1], b"text"), "144 MiB", "28"),
            (frame(&[0, 20 << 3 | 7], b"text"), "1920 MiB", "31"),
            (frame(&[0, 21 << 3], b"text"), "2 GiB", "31"),
            (single(0x80, &(limit + 1).to_le_bytes()), "129 MiB", "28"),
            (single(0xc0, &(5u64 << 28).to_le_bytes()), "1280 MiB", "31"),
            (
                single(0x83, &[&[1, 0, 0, 0], &(1u32 << 30).to_le_bytes()[..]].concat()),
                "1 GiB",
                "30",
            ),
        ] {
            let expected = format!(
                "input: zstd frame with a window of {window}; this reader accepts up to 128 MiB; \
                 recompress it with `zstd -d --long={log} | zstd`"
            );
            assert_eq!(decompress(&zstd, 100), (Vec::new(), Some(expected.clone())));
            let after = [compress(b"before", true), zstd].concat();
            assert_eq!(decompress(&after, 3), (b"before".to_vec(), Some(expected)));
        }
        assert_eq!(decompress(&frame(&[0, 17 << 3], b"text"), 9), (b"text".to_vec(), None));
        let error = decompress(&single(0x80, &limit.to_le_bytes()), 9).1.unwrap();
        assert_eq!(error, "the zstd data is damaged");
    }
}
