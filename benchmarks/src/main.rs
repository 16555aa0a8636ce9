//! One contender, once: `nhn-cloudtrail-benchmarks CONTENDER FILE THREADS` prints how long it took,
//! what it found and how much memory it needed, as one line of JSON. `cargo xtask bench` runs it, a
//! fresh process each time.

mod catalog;
mod events;
mod table;
mod wire;

use std::time::Instant;

use serde::Serialize;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// What is printed.
#[derive(Default, Serialize)]
struct Outcome {
    seconds: f64,
    peak_mb: f64,
    rows: u64,
    /// The length of all event IDs together, where that costs little to say: all contenders of a
    /// group must agree on it.
    check: Option<u64>,
    /// The size of what was written.
    bytes: Option<u64>,
}

/// Measures what a contender does, and nothing that it needs to have ready before. What it made is
/// looked at afterwards.
fn measure<T>(
    work: impl FnOnce() -> Result<T>,
    look: impl FnOnce(T) -> Result<Outcome>,
) -> Result<Outcome> {
    let start = Instant::now();
    let made = work()?;
    let seconds = start.elapsed().as_secs_f64();
    let peak_mb = peak_kib()? as f64 / 1024.0;
    Ok(Outcome { seconds, peak_mb, ..look(made)? })
}

/// The most memory that the process has had.
fn peak_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.and_then(|line| line.split_whitespace().next()).ok_or("no VmHWM")?.parse()?)
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [contender, file, threads] = args.as_slice() else {
        return Err("usage: nhn-cloudtrail-benchmarks CONTENDER FILE THREADS".into());
    };
    let threads = threads.parse()?;
    let outcome = match contender.as_str() {
        "events" => events::ours(file),
        "serde-json-owned" => events::serde_json_owned(file),
        "serde-json-borrowed" => events::serde_json_borrowed(file),
        "simd-json-owned" => events::simd_json_owned(file),
        "sonic-rs-owned" => events::sonic_owned(file),
        "sonic-rs-borrowed" => events::sonic_borrowed(file),
        "arrow-json" => events::arrow_json(file),
        "answers-serde-json-owned" => events::serde_json_answers(file),
        "answers-sonic-rs-borrowed" => events::sonic_answers(file),
        "lookup" => catalog::ours(),
        "lookup-std-hashmap" => catalog::std_hashmap(),
        "lookup-foldhash" => catalog::foldhash(),
        "table" => table::whole(file, threads),
        "batches" => table::batches(file, threads),
        "parquet" => table::parquet(file, threads),
        _ => Err(format!("no contender {contender:?}").into()),
    };
    println!("{}", serde_json::to_string(&outcome?)?);
    Ok(())
}
