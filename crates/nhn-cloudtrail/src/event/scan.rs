//! One pass over a record's bytes: is it an object, and where do its fields stand?

use super::field::Field;
use crate::error::Code;
use crate::json::{AnyLevel, KEY, Key, Scanner, Stop, Work, decode, run};

/// How many wire fields there are, and `UserId`, the guide's other spelling of `userId`.
pub(crate) const SLOTS: usize = Field::ALL.len() + 1;
const OTHER_USER_ID: usize = SLOTS - 1;

/// Where a value stands in the bytes of its batch, and what it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    /// The shape in the two highest bits, the length below.
    packed: u32,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// There is none, or it is null.
    Absent,
    /// A string that stands for itself; the span excludes the quotes.
    Plain,
    /// A string with escapes; the span excludes the quotes.
    Escaped,
    /// Any other value.
    Other,
}

impl Span {
    /// No value.
    pub(crate) const NONE: Span = Span { start: 0, packed: 0 };
    const LENGTH: u32 = (1 << 30) - 1;
    /// No record may be longer, so that every span fits.
    pub(crate) const MAX: usize = Self::LENGTH as usize;

    #[inline(always)]
    fn new(start: usize, end: usize, shape: Shape) -> Self {
        Self { start: start as u32, packed: (shape as u32) << 30 | (end - start) as u32 }
    }

    #[inline(always)]
    pub(crate) fn shape(self) -> Shape {
        match self.packed >> 30 {
            0 => Shape::Absent,
            1 => Shape::Plain,
            2 => Shape::Escaped,
            _ => Shape::Other,
        }
    }

    #[inline(always)]
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + (self.packed & Self::LENGTH) as usize
    }

    fn moved(self, by: usize) -> Self {
        Self { start: self.start.wrapping_sub(by as u32), ..self }
    }
}

/// A scanned record: places in the bytes of its batch.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) fields: [Span; SLOTS],
    /// A bit for each slot whose key stands there more than once.
    pub(crate) repeated: u32,
    /// Whether any member is no wire field's.
    pub(crate) extra: bool,
    /// Whether any member is a wire field's, and the object no record of another system's: see
    /// [`Event::is_recognized`](super::Event::is_recognized).
    pub(crate) recognized: bool,
    /// Whether it has a member that no record has, but our flat form and records of AWS do.
    pub(crate) odd: bool,
    /// Whether it has a key that hardly anything but a record has: see [`Field::is_likely`].
    pub(crate) likely: bool,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The number in its source, from 1.
    pub(crate) number: u64,
    /// The line it begins on, from 1.
    pub(crate) line: u64,
}

impl Record {
    pub(crate) const EMPTY: Record = Record {
        fields: [Span::NONE; SLOTS],
        repeated: 0,
        extra: false,
        recognized: false,
        odd: false,
        likely: false,
        start: 0,
        end: 0,
        number: 0,
        line: 0,
    };

    /// Scans the object at `start`.
    pub(crate) fn scan<const LINE: bool>(
        scanner: &Scanner<'_, LINE>,
        start: usize,
    ) -> Result<Record, Stop> {
        run(One { scanner: *scanner, start })
    }

    /// Scans all of `text` from `from` to `to`.
    pub(crate) fn whole(
        text: &[u8],
        from: usize,
        to: usize,
        depth: usize,
    ) -> Result<Record, (Code, &'static str)> {
        let none = (Code::InvalidJson, "this is not one JSON object");
        let text = text.get(..to).ok_or(none)?;
        match Record::scan(&Scanner::<false>::new(text, depth), from) {
            Ok(record) if record.end as usize != to => Err(none),
            Ok(_) if simdutf8::basic::from_utf8(text.get(from..).unwrap_or_default()).is_err() => {
                Err((Code::InvalidUtf8, "the record is not UTF-8"))
            }
            Ok(record) => Ok(record),
            Err(Stop::TooDeep(_)) => {
                Err((Code::RecordTooDeep, "the record is nested deeper than the limit"))
            }
            Err(_) => Err(none),
        }
    }

    /// Scans the object at `start` into a record that is empty so far. Where `known`, one that does
    /// not begin with the key of a field, or that may not be a record, is [`Stop::Incomplete`].
    #[inline(always)]
    fn fill<const LINE: bool, L: AnyLevel>(
        &mut self,
        scanner: &Scanner<'_, LINE, L>,
        start: usize,
        order: &mut Order,
        known: bool,
    ) -> Result<(), Stop> {
        self.start = start as u32;
        let (byte, mut at) = scanner.token(scanner.expect(start, b'{')?)?;
        if byte == b'}' {
            self.end = at as u32 + 1;
            return if known { Err(Stop::Incomplete) } else { Ok(()) };
        }
        let mut seen = 0u32;
        let mut last = NO_SLOT;
        loop {
            let (slot, byte, value) = match order.expected(scanner.level, scanner.bytes, at, last) {
                Some((slot, colon)) => {
                    let (byte, value) = scanner.token(colon)?;
                    (slot, byte, value)
                }
                None => {
                    if scanner.byte(at)? != b'"' {
                        return Err(Stop::Invalid(at));
                    }
                    let key = scanner.string(at + 1)?;
                    let slot = if key.escaped {
                        let name = scanner.bytes.get(at + 1..key.end - 1).unwrap_or_default();
                        slot_of(decode(name).0.as_bytes())
                    } else {
                        slot_at(scanner.bytes, at + 1, key.end - at - 2)
                    };
                    self.odd |=
                        slot == NO_SLOT && scanner.bytes.get(at..key.end) == Some(b"\"eventName\"");
                    order.learn(last, slot);
                    let (byte, value) = scanner.token(scanner.expect(key.end, b':')?)?;
                    (slot, byte, value)
                }
            };
            if known && last == NO_SLOT && seen == 0 && slot >= OTHER_USER_ID {
                return Err(Stop::Incomplete);
            }
            let (end, span) = if byte == b'"' {
                let string = scanner.string(value + 1)?;
                let shape = if string.escaped { Shape::Escaped } else { Shape::Plain };
                (string.end, Span::new(value + 1, string.end - 1, shape))
            } else {
                let end = scanner.walk(byte, value, 1)?;
                let shape = if byte == b'n' { Shape::Absent } else { Shape::Other };
                (end, Span::new(value, end, shape))
            };
            match self.fields.get_mut(slot) {
                Some(field) => {
                    *field = span;
                    self.repeated |= seen & (1 << slot);
                    seen |= 1 << slot;
                }
                None => self.extra = true,
            }
            last = slot;
            let (byte, next) = scanner.token(end)?;
            match byte {
                b',' => at = scanner.token(next + 1)?.1,
                b'}' => {
                    self.end = next as u32 + 1;
                    self.recognized = seen != 0;
                    self.likely = seen & LIKELY != 0;
                    let odd = known && (self.odd || !self.likely);
                    return if odd { Err(Stop::Incomplete) } else { Ok(()) };
                }
                _ => return Err(Stop::Invalid(next)),
            }
        }
    }

    #[inline]
    pub(crate) fn field(&self, field: Field) -> Span {
        let span = self.slot(field as usize);
        if field == Field::UserId && span.shape() == Shape::Absent {
            return self.slot(OTHER_USER_ID);
        }
        span
    }

    fn slot(&self, slot: usize) -> Span {
        self.fields.get(slot).copied().unwrap_or(Span::NONE)
    }

    /// Whether a member with this key is no wire field's: an unknown one, or `UserId` where
    /// `userId` is there too.
    pub(crate) fn is_extra(&self, key: &[u8]) -> bool {
        match slot_of(key) {
            OTHER_USER_ID => !self.uses_other_user_id(),
            slot => slot == NO_SLOT,
        }
    }

    /// Whether there may be members for which [`is_extra`](Self::is_extra) is true.
    pub(crate) fn has_extra(&self) -> bool {
        self.extra || (self.slot(OTHER_USER_ID) != Span::NONE && !self.uses_other_user_id())
    }

    fn uses_other_user_id(&self) -> bool {
        self.slot(Field::UserId as usize).shape() == Shape::Absent
    }

    /// Whether the field's key stands there more than once.
    pub(crate) fn is_repeated(&self, field: Field) -> bool {
        let slot = if field == Field::UserId
            && self.uses_other_user_id()
            && self.slot(OTHER_USER_ID).shape() != Shape::Absent
        {
            OTHER_USER_ID
        } else {
            field as usize
        };
        self.repeated >> slot & 1 == 1
    }

    /// The same record in bytes that begin `by` later.
    pub(crate) fn moved(&self, by: usize) -> Record {
        let mut moved = self.clone();
        for span in &mut moved.fields {
            if *span != Span::NONE {
                *span = span.moved(by);
            }
        }
        moved.start = moved.start.wrapping_sub(by as u32);
        moved.end = moved.end.wrapping_sub(by as u32);
        moved
    }
}

/// The slots of the keys that hardly anything but a record has.
const LIKELY: u32 =
    1 << Field::EventId as u32 | 1 << Field::EventTime as u32 | 1 << Field::EventLogUuid as u32;

/// Scans one object.
struct One<'a, const LINE: bool> {
    scanner: Scanner<'a, LINE>,
    start: usize,
}

impl<const LINE: bool> Work for One<'_, LINE> {
    type Output = Result<Record, Stop>;

    #[inline(always)]
    fn run<L: AnyLevel>(self, level: L) -> Self::Output {
        let mut record = Record::EMPTY;
        let scanner = self.scanner.at_level(level);
        record.fill(&scanner, self.start, &mut Order::default(), false)?;
        Ok(record)
    }
}

/// Takes the records that stand on lines of their own, or several on one, as long as nothing is odd
/// about any: what is, is left to whoever looks at each case.
pub(crate) struct Lines<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) depth: usize,
    /// How many bytes a record may have.
    pub(crate) record_bytes: usize,
    /// How many records may be taken.
    pub(crate) room: usize,
    pub(crate) order: &'a mut Order,
    pub(crate) records: &'a mut Vec<Record>,
    pub(crate) place: Place,
}

/// How far the lines have been read.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) at: usize,
    pub(crate) number: u64,
    pub(crate) line: u64,
    /// Where the line begins; none where it began before.
    pub(crate) line_start: Option<usize>,
}

impl Work for Lines<'_> {
    type Output = Place;

    #[inline(always)]
    fn run<L: AnyLevel>(self, level: L) -> Place {
        let Lines { bytes, depth, record_bytes, room, order, records, place: mut known } = self;
        // Nothing counts before all of a record has been found well.
        let mut place = known;
        for _ in 0..room {
            loop {
                match bytes.get(place.at) {
                    Some(b' ' | b'\t' | b'\r') => place.at += 1,
                    Some(b'\n') => {
                        place.at += 1;
                        place.line += 1;
                        place.line_start = Some(place.at);
                    }
                    _ => break,
                }
            }
            let start = place.at;
            let near = bytes.get(..start + record_bytes).unwrap_or(bytes);
            let scanner = Scanner::<true>::new(near, depth).at_level(level);
            records.push(Record::EMPTY);
            let Some(record) = records.last_mut() else { break };
            place.number += 1;
            (record.number, record.line) = (place.number, place.line);
            if record.fill(&scanner, start, order, true).is_err() {
                records.pop();
                break;
            }
            place.at = record.end as usize;
            let mut end = place.at;
            while let Some(b' ' | b'\t' | b'\r') = near.get(end) {
                end += 1;
            }
            if !matches!(near.get(end), Some(b'\n' | b'{')) || !is_utf8(near, start..place.at) {
                records.pop();
                break;
            }
            known = place;
        }
        known
    }
}

/// Takes the records that are elements of an array, as long as nothing is odd about any. Gives the
/// place where the last of them ends.
pub(crate) struct Elements<'a, const LINE: bool> {
    pub(crate) scanner: Scanner<'a, LINE>,
    pub(crate) at: usize,
    /// How many may be taken.
    pub(crate) room: usize,
    pub(crate) order: &'a mut Order,
    pub(crate) records: &'a mut Vec<Record>,
}

impl<const LINE: bool> Work for Elements<'_, LINE> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<L: AnyLevel>(self, level: L) -> Option<usize> {
        let Elements { scanner, at: mut start, room, order, records } = self;
        let scanner = scanner.at_level(level);
        let mut end = None;
        for _ in 0..room {
            records.push(Record::EMPTY);
            let Some(record) = records.last_mut() else { break };
            let filled = record.fill(&scanner, start, order, true);
            let to = record.end as usize;
            if filled.is_err() || !is_utf8(scanner.bytes, start..to) {
                records.pop();
                break;
            }
            end = Some(to);
            match scanner
                .token(to)
                .and_then(|(byte, comma)| Ok((byte, scanner.token(comma + 1)?.1)))
            {
                Ok((b',', next)) => start = next,
                _ => break,
            }
        }
        end
    }
}

/// Whether the bytes of a record are UTF-8.
#[inline(always)]
fn is_utf8(bytes: &[u8], range: std::ops::Range<usize>) -> bool {
    bytes.get(range).is_some_and(|bytes| simdutf8::basic::from_utf8(bytes).is_ok())
}

/// The slot of a key that is no field's.
const NO_SLOT: usize = SLOTS;

/// In what order the keys of the records before stood: for each slot the one that came after it last,
/// and for [`NO_SLOT`] the first of a record. A key that is expected need not be looked up.
#[derive(Clone, Copy)]
pub(crate) struct Order([u8; SLOTS + 1]);

impl Default for Order {
    fn default() -> Self {
        // The order of the guide.
        let mut next = [0; SLOTS + 1];
        for (slot, next) in next.iter_mut().take(SLOTS).enumerate() {
            *next = slot as u8 + 1;
        }
        Self(next)
    }
}

impl Order {
    /// The slot of the key at `at` and the place after its colon, where it is the one that is
    /// expected after the slot `last`.
    #[inline(always)]
    fn expected<L: AnyLevel>(
        &self,
        level: L,
        bytes: &[u8],
        at: usize,
        last: usize,
    ) -> Option<(usize, usize)> {
        let slot = usize::from(*self.0.get(last)?);
        let (key, length) = KEYS.get(slot)?;
        let text = bytes.get(at..)?.first_chunk::<KEY>()?;
        level.begins(text, key).then_some((slot, at + length))
    }

    #[inline(always)]
    fn learn(&mut self, last: usize, slot: usize) {
        if let Some(next) = self.0.get_mut(last) {
            *next = slot as u8;
        }
    }
}

/// The keys as they are written, with quotes and colon, and their lengths.
static KEYS: [(Key, usize); SLOTS] = keys();

/// The name of a slot's key.
const fn name(slot: usize) -> &'static str {
    if slot == OTHER_USER_ID { "UserId" } else { field(slot).wire_name() }
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses a bad index")]
const fn field(slot: usize) -> Field {
    Field::ALL[slot]
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses a bad index")]
const fn keys() -> [(Key, usize); SLOTS] {
    let mut keys = [(Key::EMPTY, 0); SLOTS];
    let mut slot = 0;
    while slot < SLOTS {
        let name = name(slot).as_bytes();
        let mut key = Key::EMPTY.with(0, b'"');
        let mut at = 0;
        while at < name.len() {
            at += 1;
            key = key.with(at, name[at - 1]);
        }
        keys[slot] = (key.with(at + 1, b'"').with(at + 2, b':'), at + 3);
        slot += 1;
    }
    keys
}

/// Names of sixteen bytes or less are told apart by a perfect hash of their two words.
struct Names {
    words: [[u64; 2]; SLOTS],
    multiplier: u64,
    /// The slots by their hash; [`NO_SLOT`] where there is none.
    slots: [u8; HASHES],
}

const HASHES: usize = 128;
static NAMES: Names = names();

#[inline(always)]
const fn hash([low, high]: [u64; 2], multiplier: u64) -> usize {
    ((low ^ high.rotate_left(23)).wrapping_mul(multiplier) >> 57) as usize
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses a bad index")]
const fn names() -> Names {
    let mut words = [[0; 2]; SLOTS];
    let mut slot = 0;
    while slot < SLOTS {
        let name = name(slot).as_bytes();
        let mut at = 0;
        while at < name.len() {
            words[slot][at / 8] |= (name[at] as u64) << (at % 8 * 8);
            at += 1;
        }
        slot += 1;
    }
    let mut multiplier = 0x9e37_79b9_7f4a_7c15_u64;
    loop {
        let mut slots = [NO_SLOT as u8; HASHES];
        let mut slot = 0;
        while slot < SLOTS {
            let place = &mut slots[hash(words[slot], multiplier)];
            if *place != NO_SLOT as u8 {
                break;
            }
            *place = slot as u8;
            slot += 1;
        }
        if slot == SLOTS {
            return Names { words, multiplier, slots };
        }
        multiplier = multiplier.wrapping_mul(0xd134_2543_de82_ef95);
    }
}

/// The slot of the key of `length` bytes at `at`.
#[inline(always)]
fn slot_at(bytes: &[u8], at: usize, length: usize) -> usize {
    let text = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>);
    match text {
        Some(text) if length <= 16 => {
            let text = u128::from_le_bytes(*text);
            let text = if length == 16 { text } else { text & ((1 << (length * 8)) - 1) };
            slot_of_words([text as u64, (text >> 64) as u64])
        }
        _ => slot_of(bytes.get(at..at + length).unwrap_or_default()),
    }
}

#[inline(always)]
fn slot_of_words(words: [u64; 2]) -> usize {
    let slot =
        NAMES.slots.get(hash(words, NAMES.multiplier)).map_or(NO_SLOT, |slot| *slot as usize);
    // A name has no zeros, so that those after it tell its length.
    match NAMES.words.get(slot) {
        Some(name) if *name == words => slot,
        _ => NO_SLOT,
    }
}

/// The slot of a key.
fn slot_of(key: &[u8]) -> usize {
    let mut padded = [0; 16];
    match padded.get_mut(..key.len()) {
        // An escape may stand for a zero.
        Some(text) if !key.contains(&0) => text.copy_from_slice(key),
        _ => return NO_SLOT,
    }
    let text = u128::from_le_bytes(padded);
    slot_of_words([text as u64, (text >> 64) as u64])
}
