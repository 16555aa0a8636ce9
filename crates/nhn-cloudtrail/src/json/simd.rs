//! Sixty-four bytes at a time, by the widest instructions that the machine has.
//!
//! What is worth it is written once, over any [`Level`], as a [`Work`], and [`run`] enters it with
//! the instructions of the machine's best level enabled. Everything below a work is
//! `#[inline(always)]`: an instruction in a function that was not compiled for it is a call.

#![expect(
    unsafe_code,
    reason = "vector instructions, in functions that are entered only where the machine has them"
)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;
use std::sync::atomic::{AtomicU8, Ordering};

use super::decode::{Decoding, MEANINGS, squeeze_runs};
use super::{Scanner, Stop, StringEnd};

/// A way to look at text. A value of it shows that the machine has the instructions.
pub(crate) trait Level: Copy {
    /// Does `work` in a function of its own, with the level's instructions.
    fn enter<W: Work>(self, work: W) -> W::Output;

    /// Scans a string whose opening quote stands before `at`.
    fn string<const LINE: bool>(
        self,
        scanner: &Scanner<'_, LINE, Self>,
        at: usize,
    ) -> Result<StringEnd, Stop>;

    /// Decodes as much as it can of a string; what it leaves is decoded a few bytes at a time.
    fn decode(self, decoding: &mut Decoding<'_>);

    /// Whether `text` begins with `key`.
    fn begins(self, text: &[u8; KEY], key: &Key) -> bool;
}

/// The beginning of a text, to compare others with.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub(crate) struct Key {
    text: [u8; KEY],
    /// Set where there is text.
    mask: [u8; KEY],
}

/// As much as is compared at once.
pub(crate) const KEY: usize = 32;

impl Key {
    pub(crate) const EMPTY: Key = Key { text: [0; KEY], mask: [0; KEY] };

    /// The same text and one byte more.
    #[expect(
        clippy::indexing_slicing,
        reason = "evaluated by the compiler, which refuses a bad index"
    )]
    pub(crate) const fn with(mut self, at: usize, byte: u8) -> Self {
        (self.text[at], self.mask[at]) = (byte, u8::MAX);
        self
    }
}

/// A level that sees sixty-four bytes at a time. Masks have a bit a byte, the first the lowest.
pub(crate) trait Blocks: Level {
    /// Sixty-four bytes.
    type Block: Copy;

    fn load(self, bytes: &[u8; 64]) -> Self::Block;
    /// Less than sixty-four bytes; zeros stand for the others.
    fn load_some(self, bytes: &[u8]) -> Self::Block;
    fn store(self, block: Self::Block, bytes: &mut [u8; 64]);
    /// Which bytes are this one.
    fn equal(self, block: Self::Block, byte: u8) -> u64;
    /// Which bytes are less than this one.
    fn below(self, block: Self::Block, byte: u8) -> u64;
    /// Which bytes are hexadecimal digits.
    fn hex(self, block: Self::Block) -> u64;
    /// Writes the bytes in `all`, the first of `bytes` and of `block`, without the backslashes in
    /// `starts`, and what escapes of two bytes stand for in the place of those that are `escaped`.
    /// More may be written.
    fn squeeze(
        self,
        block: Self::Block,
        bytes: &[u8],
        starts: u64,
        escaped: u64,
        all: u64,
        out: &mut [u8],
    );
}

/// Something to do at any level. Implementations of `run` are `#[inline(always)]`.
pub(crate) trait Work {
    type Output;
    fn run<L: Level>(self, level: L) -> Self::Output;
}

/// Does `work` at the best level that the machine has.
#[inline]
pub(crate) fn run<W: Work>(work: W) -> W::Output {
    let mut chosen = CHOSEN.load(Ordering::Relaxed);
    if chosen == 0 {
        chosen = use_level(u8::MAX);
    }
    match chosen {
        // SAFETY: the level was chosen because the machine has it.
        #[cfg(target_arch = "x86_64")]
        Avx512::NUMBER => unsafe { Avx512::assume() }.enter(work),
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Avx2::NUMBER => unsafe { Avx2::assume() }.enter(work),
        _ => Plain.enter(work),
    }
}

/// The number of the level that work is done at; 0 before that has been found out.
// INVARIANT: no other than that of a level that the machine has.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// Sets the level to the best that the machine has, but none with a higher number than `most`, and
/// gives its number: 1 is the plain one. For tests, which compare the levels.
#[doc(hidden)]
#[cold]
pub fn use_level(most: u8) -> u8 {
    let mut best = Plain::NUMBER;
    #[cfg(target_arch = "x86_64")]
    {
        if most >= Avx2::NUMBER && Avx2::detect().is_some() {
            best = Avx2::NUMBER;
        }
        if most >= Avx512::NUMBER && Avx512::detect().is_some() {
            best = Avx512::NUMBER;
        }
    }
    CHOSEN.store(best, Ordering::Relaxed);
    best
}

/// No more than any machine has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain;

impl Plain {
    const NUMBER: u8 = 1;
}

impl Level for Plain {
    #[inline(always)]
    fn enter<W: Work>(self, work: W) -> W::Output {
        work.run(self)
    }

    #[inline(always)]
    fn string<const LINE: bool>(
        self,
        scanner: &Scanner<'_, LINE, Self>,
        at: usize,
    ) -> Result<StringEnd, Stop> {
        scanner.string_from(at, false)
    }

    #[inline(always)]
    fn decode(self, _: &mut Decoding<'_>) {}

    #[inline(always)]
    fn begins(self, text: &[u8; KEY], key: &Key) -> bool {
        let words = |bytes: &[u8; KEY]| {
            let mut words = [0; KEY / 8];
            for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            words
        };
        let (text, wanted, mask) = (words(text), words(&key.text), words(&key.mask));
        let differences = text.iter().zip(wanted).zip(mask);
        differences.fold(0, |all, ((text, wanted), mask)| all | ((text ^ wanted) & mask)) == 0
    }
}

#[cfg(target_arch = "x86_64")]
macro_rules! level {
    ($(#[$doc:meta])* $name:ident, $number:literal, [$($feature:tt),*], $features:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name(());

        impl $name {
            const NUMBER: u8 = $number;

            fn detect() -> Option<Self> {
                let all = [$(is_x86_feature_detected!($feature)),*];
                all.iter().all(|has| *has).then_some(Self(()))
            }

            /// # Safety
            ///
            /// The machine has the level's features.
            #[inline(always)]
            unsafe fn assume() -> Self {
                Self(())
            }

            /// Which bytes are quotes, backslashes or control characters.
            #[inline(always)]
            fn special(self, bytes: &[u8; 32]) -> u32 {
                // SAFETY: thirty-two bytes stand there; unaligned loads take any address. The
                // machine has AVX2, or there were no `self`.
                unsafe {
                    let bytes = _mm256_loadu_si256(bytes.as_ptr().cast());
                    let quotes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'"' as i8));
                    let backslashes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\\' as i8));
                    let most = _mm256_set1_epi8(0x1f);
                    let control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, most), bytes);
                    let special = _mm256_or_si256(_mm256_or_si256(quotes, backslashes), control);
                    _mm256_movemask_epi8(special) as u32
                }
            }
        }

        impl Level for $name {
            #[inline(always)]
            fn enter<W: Work>(self, work: W) -> W::Output {
                #[target_feature(enable = $features)]
                fn with_features<W: Work>(level: $name, work: W) -> W::Output {
                    work.run(level)
                }
                // SAFETY: a value of the level is made only where the machine has its features.
                unsafe { with_features(self, work) }
            }

            #[inline(always)]
            fn string<const LINE: bool>(
                self,
                scanner: &Scanner<'_, LINE, Self>,
                at: usize,
            ) -> Result<StringEnd, Stop> {
                // Most strings are short, and without escapes.
                let near = scanner.bytes.get(at..).and_then(<[u8]>::first_chunk::<32>);
                if let Some(near) = near {
                    let end = at + self.special(near).trailing_zeros() as usize;
                    if end < at + 32 && scanner.bytes.get(end) == Some(&b'"') {
                        return Ok(StringEnd { end: end + 1, escaped: false });
                    }
                }
                string_in_blocks(scanner, at)
            }

            #[inline(always)]
            fn decode(self, decoding: &mut Decoding<'_>) {
                decoding.in_blocks(self);
            }

            #[inline(always)]
            fn begins(self, text: &[u8; KEY], key: &Key) -> bool {
                // SAFETY: thirty-two bytes stand in each; unaligned loads take any address. The
                // machine has AVX2, or there were no `self`.
                unsafe {
                    let text = _mm256_loadu_si256(text.as_ptr().cast());
                    let wanted = _mm256_loadu_si256(key.text.as_ptr().cast());
                    let mask = _mm256_loadu_si256(key.mask.as_ptr().cast());
                    _mm256_testz_si256(_mm256_xor_si256(text, wanted), mask) == 1
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
level!(
    /// Two vectors of thirty-two bytes.
    Avx2,
    2,
    ["avx2", "bmi1", "bmi2", "lzcnt", "popcnt"],
    "avx2,bmi1,bmi2,lzcnt,popcnt"
);
#[cfg(target_arch = "x86_64")]
level!(
    /// One vector of sixty-four bytes.
    Avx512,
    3,
    [
        "avx512f",
        "avx512bw",
        "avx512vl",
        "avx512vbmi",
        "avx512vbmi2",
        "avx2",
        "bmi1",
        "bmi2",
        "lzcnt",
        "popcnt"
    ],
    "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt"
);

/// Half a block each: no closures, since these could not be made to be inlined.
#[cfg(target_arch = "x86_64")]
impl Avx2 {
    /// The highest bit of each byte.
    #[inline(always)]
    fn mask(self, low: __m256i, high: __m256i) -> u64 {
        // SAFETY: the machine has AVX2, or there were no `self`.
        let (low, high) = unsafe { (_mm256_movemask_epi8(low), _mm256_movemask_epi8(high)) };
        u64::from(low as u32) | u64::from(high as u32) << 32
    }

    #[inline(always)]
    fn at_most(self, half: __m256i, most: u8) -> __m256i {
        // SAFETY: the machine has AVX2, or there were no `self`.
        unsafe { _mm256_cmpeq_epi8(_mm256_min_epu8(half, _mm256_set1_epi8(most as i8)), half) }
    }

    #[inline(always)]
    fn half_hex(self, half: __m256i) -> __m256i {
        // SAFETY: the machine has AVX2, or there were no `self`.
        unsafe {
            let digit = _mm256_sub_epi8(half, _mm256_set1_epi8(b'0' as i8));
            let lower = _mm256_or_si256(half, _mm256_set1_epi8(0x20));
            let letter = _mm256_sub_epi8(lower, _mm256_set1_epi8(b'a' as i8));
            _mm256_or_si256(self.at_most(digit, 9), self.at_most(letter, 5))
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Blocks for Avx2 {
    type Block = [__m256i; 2];

    #[inline(always)]
    fn load(self, bytes: &[u8; 64]) -> Self::Block {
        let bytes = bytes.as_ptr();
        // SAFETY: sixty-four bytes stand there; unaligned loads take any address. The machine has
        // AVX2, or there were no `self`.
        unsafe { [_mm256_loadu_si256(bytes.cast()), _mm256_loadu_si256(bytes.add(32).cast())] }
    }

    #[inline(always)]
    fn load_some(self, bytes: &[u8]) -> Self::Block {
        let mut padded = [0; 64];
        if let Some(space) = padded.get_mut(..bytes.len()) {
            space.copy_from_slice(bytes);
        }
        self.load(&padded)
    }

    #[inline(always)]
    fn store(self, [low, high]: Self::Block, bytes: &mut [u8; 64]) {
        let bytes = bytes.as_mut_ptr();
        // SAFETY: there is room for sixty-four bytes; unaligned stores take any address. The machine
        // has AVX2, or there were no `self`.
        unsafe {
            _mm256_storeu_si256(bytes.cast(), low);
            _mm256_storeu_si256(bytes.add(32).cast(), high);
        }
    }

    #[inline(always)]
    fn equal(self, [low, high]: Self::Block, byte: u8) -> u64 {
        // SAFETY: the machine has AVX2, or there were no `self`.
        unsafe {
            let byte = _mm256_set1_epi8(byte as i8);
            self.mask(_mm256_cmpeq_epi8(low, byte), _mm256_cmpeq_epi8(high, byte))
        }
    }

    #[inline(always)]
    fn below(self, [low, high]: Self::Block, byte: u8) -> u64 {
        let most = byte.saturating_sub(1);
        self.mask(self.at_most(low, most), self.at_most(high, most))
    }

    #[inline(always)]
    fn hex(self, [low, high]: Self::Block) -> u64 {
        self.mask(self.half_hex(low), self.half_hex(high))
    }

    #[inline(always)]
    fn squeeze(
        self,
        _: Self::Block,
        bytes: &[u8],
        starts: u64,
        escaped: u64,
        all: u64,
        out: &mut [u8],
    ) {
        squeeze_runs(bytes, starts, escaped & 1 == 1, all.count_ones() as usize, out);
    }
}

#[cfg(target_arch = "x86_64")]
impl Blocks for Avx512 {
    type Block = __m512i;

    #[inline(always)]
    fn load(self, bytes: &[u8; 64]) -> Self::Block {
        // SAFETY: sixty-four bytes stand there; unaligned loads take any address. The machine has
        // AVX-512, or there were no `self`.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn load_some(self, bytes: &[u8]) -> Self::Block {
        let there = !u64::MAX.checked_shl(bytes.len() as u32).unwrap_or(0);
        // SAFETY: only the bytes that are there are read. The machine has AVX-512, or there were no
        // `self`.
        unsafe { _mm512_maskz_loadu_epi8(there, bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, block: Self::Block, bytes: &mut [u8; 64]) {
        // SAFETY: there is room for sixty-four bytes; unaligned stores take any address. The machine
        // has AVX-512, or there were no `self`.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), block) }
    }

    #[inline(always)]
    fn equal(self, block: Self::Block, byte: u8) -> u64 {
        // SAFETY: the machine has AVX-512, or there were no `self`.
        unsafe { _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(byte as i8)) }
    }

    #[inline(always)]
    fn below(self, block: Self::Block, byte: u8) -> u64 {
        // SAFETY: the machine has AVX-512, or there were no `self`.
        unsafe { _mm512_cmplt_epu8_mask(block, _mm512_set1_epi8(byte as i8)) }
    }

    #[inline(always)]
    fn hex(self, block: Self::Block) -> u64 {
        // SAFETY: the machine has AVX-512, or there were no `self`.
        unsafe {
            let digit = _mm512_sub_epi8(block, _mm512_set1_epi8(b'0' as i8));
            let lower = _mm512_or_si512(block, _mm512_set1_epi8(0x20));
            let letter = _mm512_sub_epi8(lower, _mm512_set1_epi8(b'a' as i8));
            _mm512_cmplt_epu8_mask(digit, _mm512_set1_epi8(10))
                | _mm512_cmplt_epu8_mask(letter, _mm512_set1_epi8(6))
        }
    }

    #[inline(always)]
    fn squeeze(
        self,
        block: Self::Block,
        _: &[u8],
        starts: u64,
        escaped: u64,
        all: u64,
        out: &mut [u8],
    ) {
        let Some(out) = out.first_chunk_mut::<64>() else { return };
        // SAFETY: sixty-four bytes stand in each half of the table; unaligned loads take any
        // address. The machine has AVX-512 VBMI and VBMI2, or there were no `self`.
        let kept = unsafe {
            let low = _mm512_loadu_si512(MEANINGS.as_ptr().cast());
            let high = _mm512_loadu_si512(MEANINGS.as_ptr().add(64).cast());
            let decoded = _mm512_mask2_permutex2var_epi8(low, block, escaped, high);
            _mm512_maskz_compress_epi8(all & !starts, decoded)
        };
        self.store(kept, out);
    }
}

/// Finds the end of a string, all of it checked, a block at a time. What is wrong with one is for the
/// plain path to say, which goes on where all was well.
#[inline(always)]
fn string_in_blocks<const LINE: bool, B: Blocks>(
    scanner: &Scanner<'_, LINE, B>,
    start: usize,
) -> Result<StringEnd, Stop> {
    let level = scanner.level;
    let mut at = start;
    let mut escapes = Escapes::default();
    let mut escaped = false;
    // As far as all was well, and no escape is open.
    let mut well = start;
    while let Some(bytes) = scanner.bytes.get(at..).and_then(<[u8]>::first_chunk::<64>) {
        let block = level.load(bytes);
        let mut quotes = level.equal(block, b'"');
        let backslashes = level.equal(block, b'\\');
        let mut wrong = level.below(block, 0x20);
        if escapes.next | escapes.digits | (backslashes & up_to_first(quotes)) != 0 {
            wrong |= escapes.check(level, block, quotes, backslashes, &mut quotes);
            escaped = true;
        }
        if wrong & up_to_first(quotes) != 0 {
            break;
        }
        if quotes != 0 {
            let end = at + quotes.trailing_zeros() as usize + 1;
            return Ok(StringEnd { end, escaped });
        }
        at += 64;
        well = at - escapes.open();
    }
    scanner.string_from(well, escaped)
}

/// The lowest bit of a mask and all below; all bits where there is none.
#[inline(always)]
pub(super) fn up_to_first(mask: u64) -> u64 {
    mask ^ mask.wrapping_sub(1)
}

/// What the escapes of one block leave for the next.
#[derive(Default)]
pub(super) struct Escapes {
    /// Whether its first byte is escaped.
    next: u64,
    /// Which of its bytes must be digits.
    digits: u64,
}

impl Escapes {
    /// Takes the escaped quotes out of `ends`, and gives the places that break an escape.
    #[inline(always)]
    fn check<B: Blocks>(
        &mut self,
        level: B,
        block: B::Block,
        quotes: u64,
        backslashes: u64,
        ends: &mut u64,
    ) -> u64 {
        let escaped = self.escaped(backslashes);
        *ends &= !escaped;
        let (mut wrong, mut digits) = (0, self.digits);
        self.digits = 0;
        let usual = quotes | backslashes | level.equal(block, b'n');
        let unusual = escaped & !usual;
        if unusual != 0 {
            let unicode = unusual & level.equal(block, b'u');
            let other = [b'/', b'b', b'f', b'r', b't']
                .into_iter()
                .fold(0, |mask, byte| mask | level.equal(block, byte));
            wrong = unusual & !(unicode | other);
            digits |= unicode << 1 | unicode << 2 | unicode << 3 | unicode << 4;
            self.digits = unicode >> 63 | unicode >> 62 | unicode >> 61 | unicode >> 60;
        }
        if digits != 0 {
            wrong |= digits & !level.hex(block);
        }
        wrong
    }

    /// Which bytes have a backslash before them that is not escaped itself: after simdjson, which
    /// tells odd runs of backslashes from even ones by the carries of a subtraction.
    #[inline(always)]
    pub(super) fn escaped(&mut self, backslashes: u64) -> u64 {
        const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
        let begins = backslashes & !self.next;
        let ends = ((begins << 1 | ODD).wrapping_sub(begins)) ^ ODD;
        let escaped = ends ^ (backslashes | self.next);
        self.next = (ends & backslashes) >> 63;
        escaped
    }

    /// How many bytes the escape has that is open at the end of the block.
    #[inline(always)]
    fn open(&self) -> usize {
        // `\u` and what there is of its four digits.
        let of_unicode = if self.digits == 0 { 0 } else { 6 - self.digits.trailing_ones() };
        self.next as usize + of_unicode as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::json::decode_into;

    /// What `work` gives at each level that the machine has; the plain one is the first.
    fn at_all_levels<W: Work + Clone>(work: &W) -> Vec<W::Output> {
        let mut outputs = vec![Plain.enter(work.clone())];
        #[cfg(target_arch = "x86_64")]
        {
            outputs.extend(Avx2::detect().map(|level| level.enter(work.clone())));
            outputs.extend(Avx512::detect().map(|level| level.enter(work.clone())));
        }
        outputs
    }

    #[derive(Clone)]
    struct StringAt<'a, const LINE: bool>(&'a [u8], usize);

    impl<const LINE: bool> Work for StringAt<'_, LINE> {
        type Output = Result<StringEnd, Stop>;

        #[inline(always)]
        fn run<L: Level>(self, level: L) -> Self::Output {
            Scanner::<LINE>::new(self.0, 1).at_level(level).string(self.1)
        }
    }

    #[derive(Clone)]
    struct Decoded<'a>(&'a [u8]);

    impl Work for Decoded<'_> {
        type Output = (Vec<u8>, bool);

        #[inline(always)]
        fn run<L: Level>(self, level: L) -> Self::Output {
            let mut out = b"before".to_vec();
            let lone = crate::json::decode::Decode { inner: self.0, out: &mut out }.run(level);
            (out, lone)
        }
    }

    fn check(text: &[u8], at: usize) {
        let shown = text.escape_ascii();
        let ends = at_all_levels(&StringAt::<false>(text, at));
        assert!(ends.iter().all(|end| *end == ends[0]), "{at} of {shown}: {ends:?}");
        let ends = at_all_levels(&StringAt::<true>(text, at));
        assert!(ends.iter().all(|end| *end == ends[0]), "{at} of the line {shown}: {ends:?}");
        let inner = match &ends[0] {
            Ok(string) => &text[at..string.end - 1],
            // What the decoder says of a string that is none does not matter.
            Err(_) => {
                at_all_levels(&Decoded(text));
                return;
            }
        };
        let texts = at_all_levels(&Decoded(inner));
        assert!(texts.iter().all(|text| *text == texts[0]), "{}: {texts:?}", inner.escape_ascii());
        if let Ok(inner) = std::str::from_utf8(inner)
            && let Ok(text) = serde_json::from_str::<String>(&format!("\"{inner}\""))
        {
            assert_eq!(texts[0].0, format!("before{text}").into_bytes(), "{inner}");
            assert!(!texts[0].1);
        }
        let mut out = b"before".to_vec();
        assert_eq!((decode_into(inner, &mut out), out), (texts[0].1, texts[0].0.clone()));
    }

    const PIECES: &[&[u8]] = &[
        b"\"",
        b"\\",
        b"\\\"",
        b"\\\\",
        b"\\/",
        b"\\b",
        b"\\f",
        b"\\n",
        b"\\r",
        b"\\t",
        b"\\u",
        b"\\u12",
        b"\\uac00",
        b"\\uD83D\\uDE00",
        b"\\ud83d",
        b"\\u00e9",
        b"\\x",
        b"\n",
        b"\x1f",
        b"\x00",
        b" ",
        b"\x7f",
        "\u{ae40}".as_bytes(),
        b"\xff",
    ];

    /// What most escapes are.
    const USUAL: &[&[u8]] = &[b"\\\"", b"\\\\", b"\\n"];

    /// Every piece, and every two, at every place around the borders of blocks.
    #[test]
    fn levels_agree_around_borders() {
        for length in (0..6).chain(56..72).chain(120..136) {
            for first in PIECES {
                for second in PIECES {
                    let mut text = vec![b'a'; length];
                    text.extend_from_slice(first);
                    text.extend_from_slice(second);
                    text.push(b'"');
                    check(&text, 0);
                    text.resize(text.len() + 80, b'0');
                    check(&text, 0);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn levels_agree(
            pieces in vec(
                prop_oneof![
                    2 => select(PIECES).prop_map(<[u8]>::to_vec),
                    1 => (0..70usize).prop_map(|length| vec![b'0'; length]),
                    1 => vec(any::<u8>(), 0..4),
                    2 => select(USUAL).prop_map(<[u8]>::to_vec),
                ],
                0..60,
            ),
            at in 0..4usize,
        ) {
            let text = pieces.concat();
            check(&text, at.min(text.len()));
        }
    }
}
