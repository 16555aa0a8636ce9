//! One pass over a record's bytes: is it an object, and where do its fields stand?

use super::field::Field;
use crate::json::{Scanner, Stop, decode};

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
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The number in its source, from 1.
    pub(crate) number: u64,
    /// The line it begins on, from 1.
    pub(crate) line: u64,
}

impl Record {
    /// Scans the object at `start`.
    #[inline]
    pub(crate) fn scan<const LINE: bool>(
        scanner: &Scanner<'_, LINE>,
        start: usize,
    ) -> Result<Record, Stop> {
        let mut extra = false;
        let mut fields = [Span::NONE; SLOTS];
        let mut seen = 0u32;
        let mut repeated = 0u32;
        let mut at = scanner.expect(start, b'{')?;
        let (byte, first) = scanner.token(at)?;
        if byte == b'}' {
            at = first + 1;
        } else {
            at = first;
            loop {
                if scanner.byte(at)? != b'"' {
                    return Err(Stop::Invalid(at));
                }
                let key = scanner.string(at + 1)?;
                let (byte, value) = scanner.token(scanner.expect(key.end, b':')?)?;
                let (end, span) = if byte == b'"' {
                    let string = scanner.string(value + 1)?;
                    let shape = if string.escaped { Shape::Escaped } else { Shape::Plain };
                    (string.end, Span::new(value + 1, string.end - 1, shape))
                } else {
                    let end = scanner.value(byte, value, 1)?;
                    let shape = if byte == b'n' { Shape::Absent } else { Shape::Other };
                    (end, Span::new(value, end, shape))
                };
                let name = scanner.bytes.get(at + 1..key.end - 1).unwrap_or_default();
                match slot(name, key.escaped) {
                    Some(slot) => {
                        repeated |= seen & (1 << slot);
                        seen |= 1 << slot;
                        if let Some(field) = fields.get_mut(slot) {
                            *field = span;
                        }
                    }
                    None => extra = true,
                }
                let (byte, next) = scanner.token(end)?;
                match byte {
                    b',' => at = scanner.token(next + 1)?.1,
                    b'}' => {
                        at = next + 1;
                        break;
                    }
                    _ => return Err(Stop::Invalid(next)),
                }
            }
        }
        Ok(Record {
            fields,
            repeated,
            extra,
            start: start as u32,
            end: at as u32,
            number: 0,
            line: 0,
        })
    }

    /// Whether it has what hardly anything but a record has: an event's ID or time.
    pub(crate) fn is_likely(&self) -> bool {
        [Field::EventId, Field::EventTime]
            .into_iter()
            .any(|field| self.slot(field as usize) != Span::NONE)
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
            Some(OTHER_USER_ID) => !self.uses_other_user_id(),
            Some(_) => false,
            None => true,
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

/// Which slot a key fills.
#[inline]
fn slot(key: &[u8], escaped: bool) -> Option<usize> {
    if escaped { slot_of(decode(key).0.as_bytes()) } else { slot_of(key) }
}

#[inline]
fn slot_of(key: &[u8]) -> Option<usize> {
    match Field::from_wire_name(key) {
        Some(field) => Some(field as usize),
        None if key == b"UserId" => Some(OTHER_USER_ID),
        None => None,
    }
}
