//! The columns of a part: built by the threads that read, straight from the records' text.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, ListArray, StringArray, StructArray};
use arrow_buffer::{Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use nhn_cloudtrail::{
    Batch, Collect, Column, Event, Field, RawText, Responses, TargetMember, Timestamp,
};
use std::hash::{BuildHasher, Hasher};

use crate::schema::{member_field, member_fields};

/// Texts, each once, in the order in which they were first met.
#[derive(Debug)]
pub(crate) struct Interner {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    table: HashTable<(u64, i32)>,
    hasher: RandomState,
    /// Keys met lately, by [`slot`]. They may be of texts that are forgotten: what stands for a key
    /// is compared.
    recent: [i32; RECENT],
}

const RECENT: usize = 2048;

impl Default for Interner {
    fn default() -> Self {
        let (bytes, ends, table, hasher) = Default::default();
        Self { bytes, ends, table, hasher, recent: [0; RECENT] }
    }
}

impl Interner {
    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes they have together.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(crate) fn get(&self, key: i32) -> Option<&[u8]> {
        let key = key as usize;
        let to = *self.ends.get(key)? as usize;
        let from = match key.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        self.bytes.get(from..to)
    }

    #[inline]
    fn is(&self, key: i32, text: &[u8]) -> bool {
        self.get(key).is_some_and(|known| same(known, text))
    }

    /// The key of a text.
    #[inline]
    pub(crate) fn intern(&mut self, text: &[u8]) -> i32 {
        let slot = slot(text);
        match self.recent.get(slot) {
            Some(&key) if self.is(key, text) => key,
            _ => self.intern_at(slot, text),
        }
    }

    fn intern_at(&mut self, slot: usize, text: &[u8]) -> i32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(text);
        let hash = hasher.finish();
        let found = self.table.find(hash, |&(known, key)| known == hash && self.is(key, text));
        let key = match found {
            Some(&(_, key)) => key,
            None => self.add(hash, text),
        };
        if let Some(recent) = self.recent.get_mut(slot) {
            *recent = key;
        }
        key
    }

    #[cold]
    fn add(&mut self, hash: u64, text: &[u8]) -> i32 {
        let key = self.ends.len() as i32;
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
        self.table.insert_unique(hash, (hash, key), |&(hash, _)| hash);
        key
    }

    /// Forgets everything but its memory.
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.table.clear();
    }

    /// The texts as an array.
    pub(crate) fn to_array(&self) -> ArrayRef {
        let offsets: Vec<i32> =
            std::iter::once(0).chain(self.ends.iter().map(|&end| end as i32)).collect();
        Arc::new(strings(offsets.into(), Buffer::from_vec(self.bytes.clone()), None))
    }
}

/// Where the key of a text is kept that was met lately: whoever makes texts meet there gains nothing
/// but that each is looked up.
#[inline]
fn slot(text: &[u8]) -> usize {
    let length = text.len();
    let words = match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let middle = text.get(length / 2).copied().unwrap_or_default();
            let words = u64::from(u32::from_le_bytes(*first)) << 32;
            (words | u64::from(u32::from_le_bytes(*last))) ^ (u64::from(middle) << 28)
        }
        _ => text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    let mixed = words ^ (length as u64) << 56;
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - RECENT.trailing_zeros())) as usize
}

/// Whether two texts are the same. They mostly are, and are short: a call would cost more, and so
/// would a loop, of which nobody can foresee how often it goes round.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    fn ends<const N: usize>(one: &[u8], other: &[u8]) -> bool {
        (one.first_chunk::<N>() == other.first_chunk())
            & (one.last_chunk::<N>() == other.last_chunk())
    }
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        0..2 => one.first() == other.first(),
        2..4 => ends::<2>(one, other),
        4..8 => ends::<4>(one, other),
        8..16 => ends::<8>(one, other),
        16..32 => ends::<16>(one, other),
        32..64 => ends::<32>(one, other),
        _ => one == other,
    }
}

/// An array of texts that are known to be UTF-8.
#[expect(unsafe_code, reason = "checking UTF-8 again would cost as much as building the column")]
fn strings(offsets: ScalarBuffer<i32>, values: Buffer, nulls: Option<NullBuffer>) -> StringArray {
    // SAFETY: the offsets rise from 0, one more than there are values, to the length of `values`,
    // since they are its lengths after each value was appended. Each value is UTF-8: it is text of
    // a record, which the reader has checked, unescaped to UTF-8 by the core, or was a `str`.
    unsafe {
        let offsets = OffsetBuffer::new_unchecked(offsets);
        StringArray::new_unchecked(offsets, values, nulls)
    }
}

/// A column of texts that repeat, while it is built.
#[derive(Debug)]
struct Keys {
    keys: Vec<i32>,
    nulls: NullBufferBuilder,
    values: Interner,
    /// A text that had to be unescaped.
    scratch: Vec<u8>,
    /// For each key of the column before, the one that came with it last: who has an ID has a name.
    hints: Vec<i32>,
    /// Whether these have been right mostly.
    foreseen: bool,
}

/// Built keys, with the texts that they stand for.
#[derive(Debug)]
pub(crate) struct BuiltKeys {
    pub(crate) keys: Vec<i32>,
    pub(crate) nulls: Option<NullBuffer>,
    /// The texts one after the other, and where each ends.
    pub(crate) texts: Vec<u8>,
    pub(crate) ends: Vec<u32>,
}

impl Keys {
    fn new() -> Self {
        Self {
            keys: Vec::new(),
            nulls: NullBufferBuilder::new(0),
            values: Interner::default(),
            scratch: Vec::new(),
            hints: Vec::new(),
            foreseen: true,
        }
    }

    /// Appends a field of the events. `before` has the keys of another column in the same rows.
    fn add(&mut self, events: &Batch, field: Field, before: Option<&[i32]>) {
        let from = self.keys.len();
        match before {
            Some(before) if self.foreseen => {
                let mut right = 0;
                for (text, &before) in events.texts(field).zip(before) {
                    self.push(text, |keys, text| keys.foresee(text, before as usize, &mut right));
                }
                self.foreseen = right * 4 > (self.keys.len() - from) * 3;
            }
            _ => {
                let intern = |keys: &mut Self, text: &[u8]| keys.values.intern(text);
                events.texts(field).for_each(|text| self.push(text, intern));
            }
        }
    }

    #[inline(always)]
    fn push(&mut self, text: RawText<'_>, key: impl FnOnce(&mut Self, &[u8]) -> i32) {
        match text {
            RawText::Absent => return self.push_null(),
            RawText::Plain(text) => {
                let key = key(self, text);
                self.keys.push(key);
            }
            text => {
                self.scratch.clear();
                text.append_to(&mut self.scratch);
                self.keys.push(self.values.intern(&self.scratch));
            }
        }
        self.nulls.append_non_null();
    }

    /// The key of a text, which may be the one that came with the key `before` of the other column
    /// last. Counts the times when this was `right`.
    #[inline(always)]
    fn foresee(&mut self, text: &[u8], before: usize, right: &mut usize) -> i32 {
        if let Some(&key) = self.hints.get(before)
            && self.values.is(key, text)
        {
            *right += 1;
            return key;
        }
        let key = self.values.intern(text);
        if self.hints.len() <= before {
            self.hints.resize(before + 1, -1);
        }
        if let Some(hint) = self.hints.get_mut(before) {
            *hint = key;
        }
        key
    }

    fn push_null(&mut self) {
        self.keys.push(0);
        self.nulls.append_null();
    }

    fn finish(&mut self) -> BuiltKeys {
        let built = BuiltKeys {
            keys: taken(&mut self.keys),
            nulls: self.nulls.finish(),
            texts: self.values.bytes.clone(),
            ends: self.values.ends.clone(),
        };
        self.values.clear();
        self.hints.clear();
        self.foreseen = true;
        built
    }
}

/// Takes what was gathered, and makes room for as much again.
fn taken<T>(gathered: &mut Vec<T>) -> Vec<T> {
    let room = gathered.len() + gathered.len() / 16;
    std::mem::replace(gathered, Vec::with_capacity(room))
}

/// A column of texts that do not repeat, while it is built.
#[derive(Debug)]
struct Texts {
    offsets: Vec<i32>,
    values: Vec<u8>,
    nulls: NullBufferBuilder,
}

impl Texts {
    fn new() -> Self {
        Self { offsets: vec![0], values: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    #[inline]
    fn push(&mut self, text: RawText<'_>) {
        let some = text.append_to(&mut self.values);
        self.end(some);
    }

    fn push_str(&mut self, text: Option<&str>) {
        self.values.extend_from_slice(text.unwrap_or_default().as_bytes());
        self.end(text.is_some());
    }

    #[inline]
    fn end(&mut self, some: bool) {
        // A part is some MiB and one record more, which has less than 1 GiB.
        self.offsets.push(self.values.len() as i32);
        self.nulls.append(some);
    }

    fn finish(&mut self) -> (ScalarBuffer<i32>, Buffer, Option<NullBuffer>) {
        let offsets = taken(&mut self.offsets).into();
        self.offsets.push(0);
        (offsets, Buffer::from_vec(taken(&mut self.values)), self.nulls.finish())
    }

    fn finish_strings(&mut self) -> StringArray {
        let (offsets, values, nulls) = self.finish();
        strings(offsets, values, nulls)
    }

    fn finish_binary(&mut self) -> BinaryArray {
        let (offsets, values, nulls) = self.finish();
        BinaryArray::new(OffsetBuffer::new(offsets), values, nulls)
    }
}

/// Members, while they are gathered.
#[derive(Debug)]
struct Members {
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    fields: [Texts; 4],
    count: usize,
}

impl Members {
    fn new() -> Self {
        Self {
            offsets: vec![0],
            nulls: NullBufferBuilder::new(0),
            fields: std::array::from_fn(|_| Texts::new()),
            count: 0,
        }
    }

    fn push(&mut self, members: Option<Vec<TargetMember<'_>>>) {
        self.nulls.append(members.is_some());
        for member in members.unwrap_or_default() {
            let [id_no, name, user_code, email_address] = &mut self.fields;
            id_no.push_str(member.id_no.as_deref());
            name.push_str(member.name.as_deref());
            user_code.push_str(member.user_code.as_deref());
            email_address.push_str(member.email_address.as_deref());
            self.count += 1;
        }
        self.offsets.push(self.count as i32);
    }

    fn finish(&mut self) -> ListArray {
        let fields =
            self.fields.each_mut().map(|texts| Arc::new(texts.finish_strings()) as ArrayRef);
        let members = StructArray::new(member_fields(), fields.to_vec(), None);
        let offsets = OffsetBuffer::new(taken(&mut self.offsets).into());
        self.offsets.push(0);
        self.count = 0;
        let nulls = self.nulls.finish();
        ListArray::new(Arc::new(member_field()), offsets, Arc::new(members), nulls)
    }
}

/// Instants, while they are gathered.
#[derive(Debug)]
struct Times {
    times: Vec<i64>,
    nulls: NullBufferBuilder,
}

impl Times {
    fn new() -> Self {
        Self { times: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    fn push(&mut self, time: Option<Timestamp>) {
        self.times.push(time.map_or(0, Timestamp::as_millis));
        self.nulls.append(time.is_some());
    }

    fn finish(&mut self) -> Built {
        Built::Time(taken(&mut self.times).into(), self.nulls.finish())
    }
}

/// Time, members, and what these cannot hold.
#[derive(Debug)]
struct Typed {
    times: Option<Times>,
    members: Option<Members>,
    extra: Option<Texts>,
}

impl Typed {
    fn push(&mut self, event: &Event) {
        let (time, members, extra) = event.typed();
        if let Some(times) = &mut self.times {
            times.push(time);
        }
        if let Some(column) = &mut self.members {
            column.push(members);
        }
        if let Some(texts) = &mut self.extra {
            texts.push_str(extra.as_deref());
        }
    }

    fn finish(&mut self, built: &mut Vec<(Column, Built)>) {
        built.extend(self.times.as_mut().map(|times| (Column::EventTime, times.finish())));
        built.extend(
            self.members
                .as_mut()
                .map(|members| (Column::TargetMembers, Built::Array(Arc::new(members.finish())))),
        );
        built.extend(
            self.extra
                .as_mut()
                .map(|texts| (Column::Extra, Built::Array(Arc::new(texts.finish_strings())))),
        );
    }
}

/// A column while it is built, or several that are built together.
#[derive(Debug)]
enum Building {
    Times(Times),
    Keys(Field, Box<Keys>),
    Texts(Field, Texts),
    /// Time, members and what these cannot hold, of which those are built that are wanted.
    Typed(Box<Typed>),
    Raw(Texts),
    Numbers(Vec<u64>),
    /// Response, outcome, code and message, of which those are built that are wanted.
    Results(Box<Results>),
}

/// A built column.
#[derive(Debug)]
pub(crate) enum Built {
    Time(ScalarBuffer<i64>, Option<NullBuffer>),
    Keys(BuiltKeys),
    Array(ArrayRef),
    Numbers(Vec<u64>),
}

/// The columns of a part: those that need nothing but its records.
#[derive(Debug)]
pub(crate) struct BuiltPart {
    pub(crate) rows: usize,
    pub(crate) columns: Vec<(Column, Built)>,
}

/// Responses, and how they say that the call went, as three columns.
#[derive(Debug)]
struct Results {
    wanted: [Option<(Column, Keys)>; 3],
    /// A key of each wanted column.
    said: Responses<[Option<i32>; 3]>,
    /// The responses themselves, where they are wanted.
    texts: Option<Texts>,
    /// A response, where they are not.
    scratch: Vec<u8>,
}

impl Results {
    fn push(&mut self, response: RawText<'_>) {
        let response = match &mut self.texts {
            Some(texts) => {
                let from = texts.values.len();
                texts.push(response);
                texts.values.get(from..).unwrap_or_default()
            }
            None => {
                self.scratch.clear();
                response.append_to(&mut self.scratch);
                &self.scratch
            }
        };
        let wanted = &mut self.wanted;
        let keys = self.said.get(response, |outcome, code, message| {
            let texts = [Some(outcome.as_str()), code, message];
            let mut keys = [None; 3];
            for ((key, wanted), text) in keys.iter_mut().zip(wanted).zip(texts) {
                if let (Some((_, column)), Some(text)) = (wanted, text) {
                    *key = Some(column.values.intern(text.as_bytes()));
                }
            }
            keys
        });
        self.push_keys(keys);
    }

    fn push_keys(&mut self, keys: [Option<i32>; 3]) {
        for (wanted, key) in self.wanted.iter_mut().zip(keys) {
            if let Some((_, column)) = wanted {
                column.keys.push(key.unwrap_or(0));
                column.nulls.append(key.is_some());
            }
        }
    }

    fn finish(&mut self, built: &mut Vec<(Column, Built)>) {
        self.said = Responses::default();
        built.extend(
            self.texts
                .as_mut()
                .map(|texts| (Column::Response, Built::Array(Arc::new(texts.finish_strings())))),
        );
        for (column, keys) in self.wanted.iter_mut().flatten() {
            built.push((*column, Built::Keys(keys.finish())));
        }
    }
}

/// Builds the columns of parts.
#[derive(Debug)]
pub(crate) struct Columns {
    rows: usize,
    building: Vec<(Column, Building)>,
}

impl Columns {
    /// Builds `columns`, as far as they come from records alone: what the catalog says of an event
    /// ID comes later, once an ID.
    pub(crate) fn new(columns: &[Column]) -> Self {
        const RESULTS: [Column; 3] = [Column::Outcome, Column::ResultCode, Column::ResultMessage];
        let mut building = Vec::new();
        let is_wanted = |column: Column| columns.contains(&column);
        let wanted = RESULTS.map(|column| is_wanted(column).then(|| (column, Keys::new())));
        let results = wanted.iter().any(Option::is_some);
        if results {
            let texts = is_wanted(Column::Response).then(Texts::new);
            let (said, scratch) = (Responses::default(), Vec::new());
            let results = Results { wanted, said, texts, scratch };
            building.push((Column::Outcome, Building::Results(Box::new(results))));
        }
        let typed = is_wanted(Column::TargetMembers) || is_wanted(Column::Extra);
        if typed {
            let typed = Typed {
                times: is_wanted(Column::EventTime).then(Times::new),
                members: is_wanted(Column::TargetMembers).then(Members::new),
                extra: is_wanted(Column::Extra).then(Texts::new),
            };
            building.push((Column::Extra, Building::Typed(Box::new(typed))));
        }
        for &column in columns {
            let built_above = match column {
                Column::Response => results,
                Column::EventTime => typed,
                _ => false,
            };
            if !built_above && let Some(building_column) = Building::of(column) {
                building.push((column, building_column));
            }
        }
        Self { rows: 0, building }
    }
}

impl Building {
    fn of(column: Column) -> Option<Self> {
        if let Some(field) = dictionary_field(column) {
            return Some(Building::Keys(field, Box::new(Keys::new())));
        }
        Some(match column {
            Column::EventTime => Building::Times(Times::new()),
            Column::EventLogUuid => Building::Texts(Field::EventLogUuid, Texts::new()),
            Column::Request => Building::Texts(Field::Request, Texts::new()),
            Column::Response => Building::Texts(Field::Response, Texts::new()),
            Column::Raw => Building::Raw(Texts::new()),
            Column::SourceRecord => Building::Numbers(Vec::new()),
            _ => return None,
        })
    }

    /// Appends what the events have. `before` has the keys of another column in the same rows.
    fn add(&mut self, events: &Batch, before: Option<&[i32]>) {
        match self {
            Building::Times(times) => events.for_each(|event| times.push(event.event_time())),
            Building::Keys(field, keys) => keys.add(events, *field, before),
            Building::Texts(field, texts) => {
                events.texts(*field).for_each(|text| texts.push(text));
            }
            Building::Typed(typed) => events.for_each(|event| typed.push(event)),
            Building::Raw(texts) => {
                events.for_each(|event| texts.push(RawText::Plain(event.raw())));
            }
            Building::Numbers(numbers) => {
                events.for_each(|event| numbers.push(event.position().record));
            }
            Building::Results(results) => {
                events.texts(Field::Response).for_each(|text| results.push(text));
            }
        }
    }
}

/// The wire field of a dictionary column that holds one.
pub(crate) fn dictionary_field(column: Column) -> Option<Field> {
    Some(match column {
        Column::EventId => Field::EventId,
        Column::EventSourceType => Field::EventSourceType,
        Column::UserId => Field::UserId,
        Column::UserName => Field::UserName,
        Column::UserIdNo => Field::UserIdNo,
        Column::UserIp => Field::UserIp,
        Column::UserAgent => Field::UserAgent,
        Column::Region => Field::Region,
        Column::OrgId => Field::OrgId,
        Column::ProjectId => Field::ProjectId,
        Column::ProjectName => Field::ProjectName,
        Column::ProductId => Field::ProductId,
        Column::AppKey => Field::AppKey,
        Column::TenantId => Field::TenantId,
        _ => return None,
    })
}

impl Collect for Columns {
    type Part = BuiltPart;

    fn add(&mut self, events: &Batch) {
        let first = self.rows;
        self.rows += events.len();
        // The keys of the last column that has any.
        let mut before: Option<&[i32]> = None;
        for (_, building) in &mut self.building {
            building.add(events, before);
            if let Building::Keys(_, keys) = building {
                before = keys.keys.get(first..);
            }
        }
    }

    fn finish(&mut self) -> BuiltPart {
        let mut columns = Vec::with_capacity(self.building.len() + 2);
        for (column, building) in &mut self.building {
            let built = match building {
                Building::Times(times) => times.finish(),
                Building::Keys(_, keys) => Built::Keys(keys.finish()),
                Building::Texts(_, texts) => Built::Array(Arc::new(texts.finish_strings())),
                Building::Typed(typed) => {
                    typed.finish(&mut columns);
                    continue;
                }
                Building::Raw(texts) => Built::Array(Arc::new(texts.finish_binary())),
                Building::Numbers(numbers) => Built::Numbers(taken(numbers)),
                Building::Results(results) => {
                    results.finish(&mut columns);
                    continue;
                }
            };
            columns.push((*column, built));
        }
        BuiltPart { rows: std::mem::take(&mut self.rows), columns }
    }
}
