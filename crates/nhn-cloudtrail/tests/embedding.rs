//! What a program needs that reads for somebody else: to stop, to lend its bytes, to make an event
//! again, to see its own errors.

use std::error::Error as _;
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nhn_cloudtrail::{Batch, Code, Collect, Event, Reader, ReaderBuilder};

const LINE: &[u8] = b"{\"eventId\":\"event_id.iaas.vpc.create\"}\n";

/// Gives lines without end.
#[derive(Default)]
struct Endless(io::Cursor<&'static [u8]>);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.position() == self.0.get_ref().len() as u64 {
            self.0 = io::Cursor::new(LINE);
        }
        self.0.read(buffer)
    }
}

/// Counts events.
struct Count(usize);

impl Collect for Count {
    type Part = usize;

    fn add(&mut self, events: &Batch) {
        self.0 += events.len();
    }

    fn finish(&mut self) -> usize {
        std::mem::take(&mut self.0)
    }
}

/// A builder that is stopped when it has been asked so often.
fn stopped(asks: usize, select: bool) -> ReaderBuilder {
    let asked = AtomicUsize::new(0);
    let builder =
        Reader::builder().watch(move || asked.fetch_add(1, Ordering::Relaxed) < asks).piece(4096);
    if select { builder.select(|_| false) } else { builder }
}

#[test]
fn a_reading_is_stopped_once_and_for_all() {
    for select in [false, true] {
        let mut reader = stopped(3, select).from_reader(Endless::default()).unwrap();
        let last = reader.by_ref().find_map(Result::err).unwrap();
        assert_eq!(last.code(), Code::Interrupted);
        assert!(reader.next_item().is_none());
        let mut reader = stopped(0, select).from_bytes(LINE.repeat(1000)).unwrap();
        assert_eq!(reader.by_ref().find_map(Result::err).unwrap().code(), Code::Interrupted);
        assert!(reader.next_item().is_none());
    }
}

#[test]
fn a_reading_in_threads_is_stopped_too() {
    for threads in [1, 2, 4] {
        let mut parts = stopped(3, true)
            .from_reader(Endless::default())
            .unwrap()
            .into_parts(threads, || Count(0));
        let last = std::iter::from_fn(|| parts.next_part()).find_map(Result::err).unwrap();
        assert_eq!(last.code(), Code::Interrupted);
        assert!(parts.next_part().is_none());
    }
}

/// Whether the stop is seen before a source is read, or while it is, is up to the time it takes.
#[test]
fn a_reading_of_many_files_is_stopped_once_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.jsonl");
    std::fs::write(&path, LINE.repeat(200_000)).unwrap();
    for _ in 0..20 {
        let mut reader = stopped(1, true).open(vec![&path; 50]).unwrap();
        let error = reader.next_item().unwrap().unwrap_err();
        assert_eq!(error.code(), Code::Interrupted);
        assert!(reader.next_item().is_none());
        let mut parts = stopped(1, true).open(vec![&path; 50]).unwrap().into_parts(2, || Count(0));
        let stopped = std::iter::from_fn(|| parts.next_part()).find_map(Result::err).unwrap();
        assert_eq!(stopped.code(), Code::Interrupted);
        assert!(parts.next_part().is_none());
    }
}

#[test]
fn who_is_not_asked_to_stop_reads_to_the_end() {
    let reader = Reader::builder().watch(|| true).from_bytes(LINE.repeat(3)).unwrap();
    assert_eq!(reader.filter_map(Result::ok).count(), 3);
}

/// Waits until it is woken by a signal, as a terminal does.
struct Waiting(Arc<AtomicBool>);

impl Read for Waiting {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.store(true, Ordering::Relaxed);
        Err(io::ErrorKind::Interrupted.into())
    }
}

#[test]
fn a_source_that_waits_is_stopped_when_a_signal_wakes_it() {
    let woken = Arc::new(AtomicBool::new(false));
    let stop = woken.clone();
    let builder = Reader::builder().watch(move || !stop.load(Ordering::Relaxed));
    let mut reader = builder.from_reader(Waiting(woken)).unwrap();
    assert_eq!(reader.next_item().unwrap().unwrap_err().code(), Code::Interrupted);
    assert!(reader.next_item().is_none());
}

#[derive(Debug)]
struct Ours;

impl fmt::Display for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ours")
    }
}

impl std::error::Error for Ours {}

struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other(Ours))
    }
}

#[test]
fn an_error_of_a_stream_comes_out_as_it_was() {
    for lines in [0, 1, 5] {
        let reader = Reader::from_reader(
            Endless::default().take((LINE.len() * lines) as u64).chain(Failing),
        )
        .unwrap();
        let results: Vec<_> = reader.collect();
        assert_eq!(results.len(), lines + 1);
        let error = results.into_iter().find_map(Result::err).unwrap();
        assert_eq!(error.code(), Code::Io);
        let cause = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
        assert!(cause.get_ref().unwrap().is::<Ours>(), "{error}");
    }
}

/// Bytes that tell when they are let go.
struct Lent(Arc<AtomicBool>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        LINE
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn bytes_are_lent_and_given_back() {
    let back = Arc::new(AtomicBool::new(false));
    let reader = Reader::builder().from_owner(Lent(back.clone())).unwrap();
    let events: Vec<Event> = reader.map(|event| event.unwrap()).collect();
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event.raw().as_ptr(), LINE.as_ptr(), "no copy was made");
    let detached = event.detach();
    assert!(!back.load(Ordering::Relaxed));
    drop(events);
    assert!(back.load(Ordering::Relaxed));
    assert_eq!(detached.event_id().as_deref(), Some("event_id.iaas.vpc.create"));
}

#[test]
fn an_event_is_made_again_of_its_record_and_its_place() {
    let log = "\n [{\"eventId\":\"a\"}, {\"page\":{\"content\":[]},\"userName\":\"\\ud800\"}]";
    for event in Reader::from_bytes(log).unwrap() {
        let event = event.unwrap();
        let again = Event::from_raw(event.raw(), event.position()).unwrap();
        assert_eq!(again, event);
        assert_eq!(again.position(), event.position());
        assert_eq!(again.problems(), event.problems());
        assert_eq!(again.key(), event.key());
    }
    for (raw, code) in [
        (&b"[]"[..], Code::InvalidJson),
        (b"{} ", Code::InvalidJson),
        (b"{", Code::InvalidJson),
        (b"", Code::InvalidJson),
        (b"{\"a\":\"\xff\"}", Code::InvalidUtf8),
    ] {
        let error = Event::from_raw(raw, Default::default()).unwrap_err();
        assert_eq!(error.code(), code, "{}", raw.escape_ascii());
    }
    let deep = [b"{\"a\":".repeat(2000), b"1".to_vec(), b"}".repeat(2000)].concat();
    let error = Event::from_raw(deep, Default::default()).unwrap_err();
    assert_eq!(error.code(), Code::RecordTooDeep);
}

#[test]
fn what_is_at_hand_is_given_without_reading_on() {
    let mut reader = Reader::from_bytes(LINE.repeat(2)).unwrap();
    assert!(reader.next_ready().is_none());
    assert!(reader.next_item().is_some());
    assert!(reader.next_ready().is_some());
    assert!(reader.next_ready().is_none());
    assert_eq!(reader.stats().events, 2);
}

/// What repeats keys must not take time proportional to its square: each of these would take minutes.
#[test]
fn repeated_keys_cost_no_more_than_others() {
    let mut record = String::from("{\"eventId\":\"a\"");
    for _ in 0..2 {
        for n in 0..200_000 {
            record += &format!(",\"k{n}\":{n}");
        }
    }
    record += &",\"region\":\"KR1\",\"eventTarget\":{\"targetMembers\":[],\"x\":1}".repeat(50_000);
    record +=
        &format!(",\"eventTarget\":{{{}\"x\":1}}}}", "\"targetMembers\":[{}],".repeat(100_000));
    let event = Event::from_raw(record, Default::default()).unwrap();
    let problems = event.problems();
    assert_eq!(problems.len(), 200_002);
    assert_eq!(problems[..4], ["region", "target_members", "k0", "k1"]);
    assert_eq!(event.extra().count(), 200_000);
    assert_eq!(event.target_members().map(|members| members.len()), Some(1));
    assert!(event.extra_json().is_some_and(|json| json.starts_with("{\"k0\":0,\"k1\":1,")));
    assert_eq!(event.key().len(), 64);
}

#[test]
fn an_unknown_key_that_is_called_like_a_field_is_named_once() {
    let record =
        "{\"region\":1,\"region\":\"\",\"user_ip\":1,\"region\":2,\"user_ip\":2,\"userIp\":\"x\"}";
    let event = Event::from_raw(record, Default::default()).unwrap();
    assert_eq!(event.problems(), ["user_ip", "region"]);
    let record = "{\"b\":1,\"a\":1,\"b\":2,\"a\":2,\"b\":3,\"c\":1}";
    let event = Event::from_raw(record, Default::default()).unwrap();
    assert_eq!(event.problems(), ["b", "a"]);
}

/// With one chain per key this would take minutes, and a million records hours.
#[test]
fn records_that_share_a_key_are_compared_as_fast_as_others() {
    let line = |n: usize| format!("{{\"eventLogUuid\":\"one\",\"userName\":\"{n}\"}}\n");
    let mut text: String = (0..300_000).map(line).collect();
    text += &line(0);
    text += &line(299_999);
    text += &line(300_000);
    let mut reader = Reader::builder().dedup(true).from_bytes(text).unwrap();
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 300_001);
    let stats = reader.stats();
    assert_eq!((stats.records, stats.duplicates, stats.conflicts), (300_003, 2, 300_000));
}
