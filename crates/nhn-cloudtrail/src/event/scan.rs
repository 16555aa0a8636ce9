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
    /// Which of the batch's unknown members are this record's.
    pub(crate) extras: (u32, u32),
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// The number in its source, from 1.
    pub(crate) number: u64,
    /// The line it begins on, from 1.
    pub(crate) line: u64,
}

/// An unknown member of a record: key (without quotes) and value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extra {
    pub(crate) key: Span,
    pub(crate) value: Span,
}

impl Record {
    /// Scans the object at `start`, whose unknown members are appended to `extras`. On an error,
    /// the caller takes those back.
    #[inline]
    pub(crate) fn scan<const LINE: bool>(
        scanner: &Scanner<'_, LINE>,
        start: usize,
        extras: &mut Vec<Extra>,
    ) -> Result<Record, Stop> {
        let first_extra = extras.len() as u32;
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
                let key_span = Span::new(
                    at + 1,
                    key.end - 1,
                    if key.escaped { Shape::Escaped } else { Shape::Plain },
                );
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
                match slot(scanner.bytes, key_span) {
                    Some(slot) => {
                        repeated |= seen & (1 << slot);
                        seen |= 1 << slot;
                        if let Some(field) = fields.get_mut(slot) {
                            *field = span;
                        }
                    }
                    None => extras.push(Extra { key: key_span, value: span }),
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
            extras: (first_extra, extras.len() as u32),
            start: start as u32,
            end: at as u32,
            number: 0,
            line: 0,
        })
    }

    /// Whether any member is a wire field's.
    pub(crate) fn has_wire_field(&self) -> bool {
        self.fields.iter().any(|span| *span != Span::NONE)
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

    /// The value of `UserId` where `userId` is there too, so that it is no field's.
    pub(crate) fn unused_user_id(&self) -> Option<Span> {
        let used = self.slot(Field::UserId as usize).shape() == Shape::Absent;
        let other = self.slot(OTHER_USER_ID);
        (!used && other != Span::NONE).then_some(other)
    }

    /// Whether the field's key stands there more than once.
    pub(crate) fn is_repeated(&self, field: Field) -> bool {
        let slot = if field == Field::UserId
            && self.slot(Field::UserId as usize).shape() == Shape::Absent
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

impl Extra {
    /// The same member in bytes that begin `by` later.
    pub(crate) fn moved(self, by: usize) -> Extra {
        Extra { key: self.key.moved(by), value: self.value.moved(by) }
    }
}

/// Which slot a key fills.
#[inline]
fn slot(bytes: &[u8], key: Span) -> Option<usize> {
    let text = bytes.get(key.range()).unwrap_or_default();
    if key.shape() == Shape::Escaped {
        let key = decode(text).0;
        return slot_of(key.as_bytes());
    }
    slot_of(text)
}

#[inline]
fn slot_of(key: &[u8]) -> Option<usize> {
    match Field::from_wire_name(key) {
        Some(field) => Some(field as usize),
        None if key == b"UserId" => Some(OTHER_USER_ID),
        None => None,
    }
}
