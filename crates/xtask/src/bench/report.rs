//! What came of it, for people.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use nhn_cloudtrail::Timestamp;

use super::Outcome;
use super::groups::{Group, Target, What};
use crate::Result;

/// A group, and the outcomes of its contenders.
type GroupResult<'a> = (&'a Group, Vec<Vec<Outcome>>);

const HEAD: &str = "\
# Benchmarks

How fast nhn-cloudtrail is next to what else one would read such logs with. Made by
`cargo xtask bench --publish`, in one run on one machine; it makes its data and fetches its peers, so
that anybody can repeat it.

*Speed* says how many times as fast as the first of its table a contender is, by the medians of all
rounds; *spread* how far apart its fastest and slowest round were, as a part of the median; *memory* the
most that the process ever had, interpreter, libraries and, where the log is read in memory, log
included. Contenders take turns, each time in a fresh process, with the file in the page cache. What
they found is compared: all have the same number of rows, and the same event IDs.
";

const TAIL: &str = "
## What this does not show

- **The data is made up.** It looks like CloudTrail's, but whose logs have other requests, other names or
  fewer repetitions gets other ratios. Records are 1.2 KB on average; the less text in a record, the
  more everything else counts.
- **The work is not the same.** Peers read the wire fields, and stop at the first line that is broken.
  nhn-cloudtrail also finds the shape of the input, keeps unknown fields, goes on after broken records,
  and has names, services, kinds and outcomes in its table. Where peers offer several ways, the fastest
  is shown; some of them leave escapes or times as text, which ours does only where the table says so.
  Typed events decode a field when somebody asks for it, and here only the ID is asked for: whoever
  reads all fields pays for each.
- **In memory means in memory.** The first three tables leave out reading the file; the others read it
  from the page cache, never from a disk or a network.
- **Tables are made from Python**, as they mostly are; starting Python and importing libraries is not
  counted. Batches and Parquet of ours are made in a Rust process.
- **Python objects** of ours make a field's object when it is read, each time: who reads a field
  often keeps what it gave.
- **Events in Node** are those of a fresh process, in which nothing is compiled yet; `parse` copies what it
  is given, so that nobody changes it under the events.
- **Two cores.** What scales better on more is not seen. Ratios move by some ten in a hundred from
  machine to machine and from run to run: the spread says how much.
- **Versions** of peers are those above. Newer ones may be faster.
";

pub(super) fn markdown(
    root: &Path,
    events: u64,
    rounds: u64,
    results: &[GroupResult<'_>],
) -> Result<String> {
    let mut out = HEAD.to_owned();
    for (group, outcomes) in results {
        table(&mut out, group, outcomes)?;
    }
    write!(out, "\n## Targets\n\n| what | must | goal | reached |\n| --- | --: | --: | --: |\n")?;
    for (group, outcomes) in results {
        for target in group.targets {
            let Reached { what, must, goal, reached, .. } = Reached::of(group, outcomes, target);
            writeln!(out, "| {}: {what} | {must} | {goal} | {reached} |", group.title)?;
        }
    }
    setting(&mut out, root, events, rounds)?;
    out.push_str(TAIL);
    Ok(out)
}

fn table(out: &mut String, group: &Group, outcomes: &[Vec<Outcome>]) -> Result<()> {
    let sizes = outcomes.iter().flatten().any(|outcome| outcome.bytes.is_some());
    write!(out, "\n## {}\n\n| | speed | spread | memory, MB |", group.title)?;
    out.push_str(if sizes { " file, MB |\n" } else { "\n" });
    out.push_str("| --- | --: | --: | --: |");
    out.push_str(if sizes { " --: |\n" } else { "\n" });
    let first = outcomes.first().map_or(0.0, |first| seconds(first));
    for (contender, outcomes) in group.contenders.iter().zip(outcomes) {
        let all = || outcomes.iter().map(|outcome| outcome.seconds);
        let most = all().fold(0.0, f64::max);
        let least = all().fold(f64::INFINITY, f64::min);
        let median = seconds(outcomes);
        // Of other data than the first has, no ratio says anything.
        let comparable = group.contenders.first().is_some_and(|one| one.data == contender.data);
        let speed = if comparable { format!("{:.2}", first / median) } else { "–".to_owned() };
        let spread = 100.0 * (most - least) / median;
        write!(out, "| {} | {speed} | {spread:.0} % | {:.0} |", contender.label, peak(outcomes))?;
        if sizes {
            let bytes = outcomes.first().and_then(|outcome| outcome.bytes).unwrap_or_default();
            write!(out, " {:.0} |", bytes as f64 / 1e6)?;
        }
        out.push('\n');
    }
    Ok(())
}

/// Where and with what it was measured.
fn setting(out: &mut String, root: &Path, events: u64, rounds: u64) -> Result<()> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let of_cpu = |key: &str| {
        let line = cpu.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
    };
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let flags: Vec<&str> =
        of_cpu("flags").split(' ').filter(|flag| flag.starts_with("avx")).collect();
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kib = memory.split_whitespace().nth(1).unwrap_or("0").parse::<u64>()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let now = Timestamp::from_millis(since_1970).map(|time| time.to_string()).unwrap_or_default();
    let day = now.split('T').next().unwrap_or_default();
    writeln!(
        out,
        "\n## Where, and with what\n\n\
         - {day}, {} with {cores} cores ({}), {} GiB, Linux {}\n\
         - a log of {events} events, a tenth of it where it is read in memory or compressed; {rounds} \
         rounds\n\
         - {}, {}, Node {}\n\
         - Rust: {}\n\
         - Python: {}\n\
         - `cargo xtask bench --events {events} --rounds {rounds}`",
        of_cpu("model name"),
        flags.join(" "),
        (kib + (1 << 19)) >> 20,
        kernel.trim(),
        version("rustc")?,
        version("python3")?,
        version("node")?,
        crates(root)?,
        fs::read_to_string(root.join("benchmarks/requirements.txt"))?
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.replace("==", " "))
            .collect::<Vec<_>>()
            .join(", "),
    )?;
    Ok(())
}

fn version(program: &str) -> Result<String> {
    let output = Command::new(program).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The versions of the peers in Rust, and ours.
fn crates(root: &Path) -> Result<String> {
    #[derive(serde::Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }

    #[derive(serde::Deserialize)]
    struct Package {
        name: String,
        version: String,
    }

    const NAMES: &[&str] =
        &["nhn-cloudtrail", "serde_json", "simd-json", "sonic-rs", "arrow-json", "foldhash"];
    let lock: Lock = toml::from_str(&fs::read_to_string(root.join("benchmarks/Cargo.lock"))?)?;
    let named = |name: &&str| {
        // Of several versions the newest one is ours; the others are some dependency's.
        let mut versions = lock.package.iter().filter(|package| package.name == *name);
        versions.next_back().map(|package| format!("{name} {}", package.version))
    };
    Ok(NAMES.iter().filter_map(named).collect::<Vec<_>>().join(", "))
}

/// The targets, a line each, for whoever is waiting.
pub(super) fn targets(results: &[GroupResult<'_>]) -> String {
    let mut out = String::new();
    for (group, outcomes) in results {
        for target in group.targets {
            let Reached { what, must, goal, reached, verdict } =
                Reached::of(group, outcomes, target);
            out.push_str(&format!(
                "{verdict:<8} {:<9} {what:<62} {reached:>9}   must {must}, goal {goal}\n",
                group.name
            ));
        }
    }
    out
}

/// How far we got to a target.
struct Reached {
    what: String,
    must: String,
    goal: String,
    reached: String,
    verdict: &'static str,
}

impl Reached {
    fn of(group: &Group, outcomes: &[Vec<Outcome>], target: &Target) -> Self {
        let labelled = |label: &str| {
            let place = group.contenders.iter().position(|contender| contender.label == label);
            place.and_then(|place| outcomes.get(place)).map_or(&[][..], Vec::as_slice)
        };
        let ours = labelled(target.ours);
        let detail = target.ours.strip_prefix("**nhn-cloudtrail**").unwrap_or_default();
        let detail = detail.strip_prefix(", ").map(|detail| format!(" ({detail})"));
        let detail = detail.unwrap_or_default();
        let (what, reached, unit) = match target.what {
            What::Speed(peer) => {
                (format!("speed of {peer}{detail}"), seconds(labelled(peer)) / seconds(ours), " x")
            }
            What::Memory(peer) => {
                (format!("memory of {peer}{detail}"), peak(ours) / peak(labelled(peer)), " x")
            }
            What::Megabytes => (format!("memory{detail}"), peak(ours), " MB"),
            What::Delay => {
                let delays = ours.iter().filter_map(|outcome| outcome.delay_ms);
                ("delay of the event loop".to_owned(), delays.fold(0.0, f64::max), " ms")
            }
            What::Nanoseconds => {
                let rows = ours.first().map_or(1, |outcome| outcome.rows);
                (format!("time{detail}"), seconds(ours) * 1e9 / rows as f64, " ns")
            }
        };
        let avx512 = fs::read_to_string("/proc/cpuinfo").is_ok_and(|cpu| cpu.contains("avx512bw"));
        let must = if avx512 { target.must } else { target.must_without_avx512 };
        let at_least = matches!(target.what, What::Speed(_));
        let meets = |limit: f64| if at_least { reached >= limit } else { reached <= limit };
        let verdict = match (meets(must), meets(target.goal)) {
            (true, true) => "goal met",
            (true, false) => "met",
            (false, _) => "NOT MET",
        };
        let reached = match target.what {
            What::Megabytes => format!("{reached:.0}{unit}"),
            _ => format!("{reached:.2}{unit}"),
        };
        let limit = |limit: f64| format!("{limit}{unit}");
        Self { what, must: limit(must), goal: limit(target.goal), reached, verdict }
    }
}

fn seconds(outcomes: &[Outcome]) -> f64 {
    median(outcomes.iter().map(|outcome| outcome.seconds).collect())
}

fn peak(outcomes: &[Outcome]) -> f64 {
    median(outcomes.iter().map(|outcome| outcome.peak_mb).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    if values.len() % 2 == 1 { at(middle) } else { (at(middle.wrapping_sub(1)) + at(middle)) / 2.0 }
}
