//! Who is measured against whom, on what, and what we aim at.
//!
//! A group is added here, and its contenders in `benchmarks/`: in `src/main.rs` those in Rust, in
//! `peers.py` those in Python, in `peers.mjs` those in Node.

use super::data::Shape;

/// Contenders at one job.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// The first one is what the others are compared with.
    pub(super) contenders: &'static [Contender],
    pub(super) targets: &'static [Target],
}

/// A program that does the job once.
pub(super) struct Contender {
    pub(super) label: &'static str,
    pub(super) program: Program,
    /// What the program knows it by.
    pub(super) name: &'static str,
    pub(super) data: Data,
    pub(super) threads: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Program {
    Rust,
    Python,
    Node,
}

/// What is read.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Data {
    pub(super) shape: Shape,
    /// Whether it has all the events that were asked for, or a tenth of them.
    pub(super) whole: bool,
}

/// What must be reached, and what is aimed at.
pub(super) struct Target {
    pub(super) what: What,
    /// The label of ours.
    pub(super) ours: &'static str,
    pub(super) must: f64,
    /// What must be reached on a machine without AVX-512, where that is less.
    pub(super) must_without_avx512: f64,
    pub(super) goal: f64,
}

pub(super) enum What {
    /// So many times as fast as the peer with this label.
    Speed(&'static str),
    /// No more than so much of the memory of this peer.
    Memory(&'static str),
    /// No more than so many megabytes.
    Megabytes,
    /// No more than so many nanoseconds a row.
    Nanoseconds,
    /// The event loop no later than so many milliseconds, in 99 of 100 cases.
    Delay,
}

const THREADS: usize = 2;

const TENTH: Data = Data { shape: Shape::Lines, whole: false };
const WHOLE: Data = Data { shape: Shape::Lines, whole: true };
const GZIP: Data = Data { shape: Shape::Gzip, whole: false };
const ANSWERS: Data = Data { shape: Shape::Answers, whole: false };
const SHUFFLED: Data = Data { shape: Shape::Shuffled, whole: false };

const fn one_thread(label: &'static str, name: &'static str, data: Data) -> Contender {
    Contender { label, program: Program::Rust, name, data, threads: 1 }
}

const fn rust(label: &'static str, name: &'static str, data: Data) -> Contender {
    Contender { label, program: Program::Rust, name, data, threads: THREADS }
}

const fn python(label: &'static str, name: &'static str, data: Data) -> Contender {
    Contender { label, program: Program::Python, name, data, threads: THREADS }
}

const fn node(label: &'static str, name: &'static str, data: Data) -> Contender {
    Contender { label, program: Program::Node, name, data, threads: THREADS }
}

impl Contender {
    const fn in_python(mut self) -> Self {
        self.program = Program::Python;
        self
    }
}

const fn target(what: What, ours: &'static str, must: f64, goal: f64) -> Target {
    Target { what, ours, must, must_without_avx512: must, goal }
}

impl Target {
    const fn without_avx512(mut self, must: f64) -> Self {
        self.must_without_avx512 = must;
        self
    }
}

const OURS: &str = "**nhn-cloudtrail**";
const OURS_ONE: &str = "**nhn-cloudtrail**, 1 thread";
const OURS_RUST: &str = "**nhn-cloudtrail**, in Rust";
const OURS_TENTH: &str = "**nhn-cloudtrail**, a tenth of the log";
const SERDE_JSON: &str = "serde_json, owned strings";
const SONIC_OWNED: &str = "sonic-rs, owned strings";
const SONIC_BORROWED: &str = "sonic-rs, borrowed";
const STD_HASHMAP: &str = "std HashMap";
const DUCKDB_TYPED: &str = "duckdb read_json(columns), times typed";
const POLARS_TYPED: &str = "polars scan_ndjson(schema), times and categories";
const ORJSON: &str = "orjson.loads, dicts";
const MSGSPEC: &str = "msgspec decode_lines, structs without GC";
const JSON_PARSE: &str = "JSON.parse(buffer.toString())";
const READLINE: &str = "readline and JSON.parse";
const DUCKDB: &str = "duckdb";
const POLARS: &str = "polars";

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "events",
        title: "Typed events from NDJSON in memory, one thread",
        contenders: &[
            one_thread(SERDE_JSON, "serde-json-owned", TENTH),
            one_thread("serde_json, borrowed", "serde-json-borrowed", TENTH),
            one_thread("simd-json, owned strings", "simd-json-owned", TENTH),
            one_thread(SONIC_OWNED, "sonic-rs-owned", TENTH),
            one_thread(SONIC_BORROWED, "sonic-rs-borrowed", TENTH),
            one_thread("arrow-json, batches", "arrow-json", TENTH),
            one_thread(OURS, "events", TENTH),
        ],
        targets: &[
            target(What::Speed(SERDE_JSON), OURS, 5.0, 8.0).without_avx512(4.0),
            target(What::Speed(SONIC_OWNED), OURS, 3.5, 3.5).without_avx512(2.7),
        ],
    },
    Group {
        name: "answers",
        title: "Typed events from API answers of 1,000 records in memory, one thread",
        contenders: &[
            one_thread(SERDE_JSON, "answers-serde-json-owned", ANSWERS),
            one_thread(SONIC_BORROWED, "answers-sonic-rs-borrowed", ANSWERS),
            one_thread(OURS, "events", ANSWERS),
        ],
        targets: &[
            target(What::Speed(SERDE_JSON), OURS, 4.5, 6.0),
            target(What::Speed(SONIC_BORROWED), OURS, 2.0, 2.0),
        ],
    },
    Group {
        name: "shuffled",
        title: "Typed events from NDJSON with keys in random order, one thread",
        contenders: &[
            one_thread(SERDE_JSON, "serde-json-owned", SHUFFLED),
            one_thread(SONIC_OWNED, "sonic-rs-owned", SHUFFLED),
            one_thread(OURS, "events", SHUFFLED),
        ],
        targets: &[target(What::Speed(SERDE_JSON), OURS, 3.5, 5.0)],
    },
    Group {
        name: "lookup",
        title: "The catalog's entry of an event ID, IDs in random order",
        contenders: &[
            one_thread(STD_HASHMAP, "lookup-std-hashmap", TENTH),
            one_thread("HashMap with foldhash", "lookup-foldhash", TENTH),
            one_thread(OURS, "lookup", TENTH),
        ],
        targets: &[
            target(What::Speed(STD_HASHMAP), OURS, 3.0, 3.0),
            target(What::Nanoseconds, OURS, 10.0, 5.0),
        ],
    },
    Group {
        name: "objects-three",
        title: "Python objects from NDJSON in memory, three fields read, all kept",
        contenders: &[
            one_thread(ORJSON, "orjson-three", TENTH).in_python(),
            one_thread(MSGSPEC, "msgspec-three", TENTH).in_python(),
            one_thread(OURS, "ours-three", TENTH).in_python(),
        ],
        targets: &[
            target(What::Speed(ORJSON), OURS, 4.0, 5.0).without_avx512(3.3),
            target(What::Speed(MSGSPEC), OURS, 2.0, 2.0).without_avx512(1.7),
            target(What::Memory(MSGSPEC), OURS, 0.65, 0.5),
        ],
    },
    Group {
        name: "objects-all",
        title: "Python objects from NDJSON in memory, all fields read, all kept",
        contenders: &[
            one_thread(ORJSON, "orjson-all", TENTH).in_python(),
            one_thread(MSGSPEC, "msgspec-all", TENTH).in_python(),
            one_thread(OURS, "ours-all", TENTH).in_python(),
        ],
        targets: &[
            target(What::Speed(ORJSON), OURS, 2.7, 3.5),
            target(What::Speed(MSGSPEC), OURS, 1.5, 1.5),
        ],
    },
    Group {
        name: "node-three",
        title: "Events in Node from API answers in hand, three fields read",
        contenders: &[
            node(JSON_PARSE, "json-three", ANSWERS),
            node(OURS, "ours-three", ANSWERS),
            node("**nhn-cloudtrail**, service and outcome read too", "ours-enriched", ANSWERS),
        ],
        targets: &[target(What::Speed(JSON_PARSE), OURS, 2.8, 4.0)],
    },
    Group {
        name: "node-all",
        title: "Events in Node from API answers in hand, all fields read",
        contenders: &[node(JSON_PARSE, "json-all", ANSWERS), node(OURS, "ours-all", ANSWERS)],
        targets: &[target(What::Speed(JSON_PARSE), OURS, 2.3, 3.0)],
    },
    Group {
        name: "node-read",
        title: "Events in Node from an NDJSON file, three fields read",
        contenders: &[node(READLINE, "lines", WHOLE), node(OURS, "read", WHOLE)],
        targets: &[
            target(What::Speed(READLINE), OURS, 2.5, 4.0),
            target(What::Delay, OURS, 20.0, 20.0),
        ],
    },
    Group {
        name: "table",
        title: "NDJSON file to table, 2 threads",
        contenders: &[
            python(DUCKDB_TYPED, "duckdb-typed", WHOLE),
            python("duckdb read_json(columns), all text", "duckdb", WHOLE),
            python(POLARS_TYPED, "polars-typed", WHOLE),
            python("polars scan_ndjson(schema), all text", "polars", WHOLE),
            python("pyarrow.json with schema, all text", "pyarrow", WHOLE),
            python(OURS, "ours-table", WHOLE),
            one_thread(OURS_ONE, "ours-table", WHOLE).in_python(),
            rust(OURS_RUST, "table", WHOLE),
        ],
        targets: &[
            target(What::Speed(DUCKDB_TYPED), OURS, 2.0, 3.0).without_avx512(1.5),
            target(What::Speed(POLARS_TYPED), OURS, 4.5, 4.5).without_avx512(3.5),
            target(What::Speed(DUCKDB_TYPED), OURS_ONE, 1.0, 1.5),
            target(What::Memory(DUCKDB_TYPED), OURS, 0.7, 0.5),
            target(What::Memory(POLARS_TYPED), OURS, 0.3, 0.3),
        ],
    },
    Group {
        name: "columns",
        title: "Three columns of an NDJSON file to table, 2 threads",
        contenders: &[
            python(DUCKDB, "duckdb-columns", WHOLE),
            python(POLARS, "polars-columns", WHOLE),
            python(OURS, "ours-columns", WHOLE),
        ],
        targets: &[
            target(What::Speed(DUCKDB), OURS, 2.0, 4.0),
            target(What::Speed(POLARS), OURS, 3.0, 3.0),
        ],
    },
    Group {
        name: "gzip",
        title: "Gzip file to table, 2 threads",
        contenders: &[
            python(DUCKDB, "duckdb-typed", GZIP),
            python(POLARS, "polars-typed", GZIP),
            python("gzip and orjson, to dicts", "gzip-orjson", GZIP),
            python(OURS, "ours-table", GZIP),
        ],
        targets: &[target(What::Speed(DUCKDB), OURS, 1.7, 2.5)],
    },
    Group {
        name: "batches",
        title: "NDJSON file to batches that are let go, 2 threads",
        contenders: &[
            python("duckdb, batches", "duckdb-batches", WHOLE),
            rust(OURS, "batches", WHOLE),
            rust(OURS_TENTH, "batches", TENTH),
        ],
        targets: &[
            target(What::Megabytes, OURS, 100.0, 64.0),
            // Flat: ten times the log takes no more.
            target(What::Memory(OURS_TENTH), OURS, 1.25, 1.1),
        ],
    },
    Group {
        name: "parquet",
        title: "NDJSON file to Parquet with zstd, 2 threads",
        contenders: &[
            python("duckdb COPY", "duckdb-parquet", WHOLE),
            python("polars sink_parquet", "polars-parquet", WHOLE),
            rust(OURS, "parquet", WHOLE),
        ],
        targets: &[target(What::Speed("duckdb COPY"), OURS, 1.5, 2.0)],
    },
];
