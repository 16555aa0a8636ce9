//! What can be asked for, with its help.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use nhn_cloudtrail::catalog::{self, Edition, Kind, Lang, Phase};
use nhn_cloudtrail::{Column, Outcome, RecordPath, SCHEMA_VERSION};
use nhn_cloudtrail_collect::Api;

/// What `--version` prints after the name: all that a result depends on.
pub(crate) fn long_version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let version = env!("CARGO_PKG_VERSION");
        format!("{version}\ncatalog {}\nschema {SCHEMA_VERSION}", catalog::VERSION)
    });
    &TEXT
}

const EXAMPLES: &str = "\
Examples:
  What happened, as a table:
      nhn-cloudtrail read logs/
  What failed in the last day, as JSON lines:
      nhn-cloudtrail read logs/ --since 24h --outcome failure --format jsonl
  Who deleted something, counted:
      nhn-cloudtrail stats logs/ --kind delete
  The same logs for polars, DuckDB, Spark and the like:
      nhn-cloudtrail convert logs/ -o table/
  Fetch what NHN Cloud still has, before it forgets it:
      nhn-cloudtrail collect --since 92d --into archive/
  What an event ID means:
      nhn-cloudtrail catalog get event_id.iaas.instance.create

Exit status:
  0  all was read
  1  some records were rejected
  2  the command could not run, or a source could not be read";

/// Reads, searches, converts and summarises the CloudTrail logs of NHN Cloud.
///
/// Logs may be files, folders, globs or standard input; one object a line, arrays, whole API
/// answers, pretty-printed or not; plain, gzip or zstd; or the Parquet files that `convert` writes. Their shape is found, never
/// asked for.
#[derive(Debug, Parser)]
#[command(
    name = "nhn-cloudtrail",
    version,
    after_long_help = EXAMPLES,
    max_term_width = 100,
    arg_required_else_help = true,
    subcommand_required = true,
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
}

/// Options of every subcommand.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// When to use colours; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    /// The language of event and service names
    #[arg(long, global = true, value_name = "LANG", default_value = "ko", value_parser = lang())]
    pub(crate) lang: Lang,

    /// A TSV that adds events to the catalog or corrects them; may be repeated
    ///
    /// The header decides the columns, `event_id` is required; `catalog export` writes such a file
    /// of the whole catalog, `catalog import` one of what a newer event list adds. Later files
    /// overrule earlier ones.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) catalog_overlay: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows events: as a table, JSON lines, JSON, CSV, Parquet, Arrow, or as they came
    #[command(after_long_help = READ_EXAMPLES)]
    Read(ReadArgs),
    /// Writes a Parquet, Arrow, JSON lines or CSV file, or adds to a data set of a folder a day
    #[command(after_long_help = CONVERT_EXAMPLES)]
    Convert(ConvertArgs),
    /// Counts events: by service, event, actor, outcome, day and more
    #[command(after_long_help = STATS_EXAMPLES)]
    Stats(StatsArgs),
    /// Runs SQL over events; needs the Python package with its extra sql
    #[command(after_long_help = SQL_EXAMPLES)]
    Sql(SqlArgs),
    /// Fetches events from the query API or a bucket into a local archive, and resumes where it stopped
    #[command(after_long_help = COLLECT_EXAMPLES)]
    Collect(Box<CollectArgs>),
    /// Verifies an archive, shows its contents, and maintains it
    #[command(subcommand, arg_required_else_help = true)]
    Archive(ArchiveCommand),
    /// Looks up what event IDs mean, and compares the catalog with published lists
    #[command(subcommand, arg_required_else_help = true)]
    Catalog(CatalogCommand),
    /// Prints a script that completes this command's words in a shell
    ///
    /// For bash: `source <(nhn-cloudtrail completions bash)`
    #[command(verbatim_doc_comment)]
    Completions {
        /// The shell
        shell: Shell,
    },
}

const READ_EXAMPLES: &str = "\
Examples:
  nhn-cloudtrail read logs/
  nhn-cloudtrail read 'logs/2026-1*/*.gz' --tz Asia/Seoul
  curl ... | nhn-cloudtrail read - --format jsonl | jq .event_name
  nhn-cloudtrail read logs/ --kind delete --user alice@example.com --since 7d
  nhn-cloudtrail read logs/ --event '*.instance.*' --columns event_time,user_id,event_id
  nhn-cloudtrail read logs/ --format csv -o october.csv --rejects rejected.jsonl
  nhn-cloudtrail read export.json --record-path 'hits.hits[]._source'

Rejects:
  A record that cannot be read is counted, reported on standard error, and costs its neighbours
  nothing; the exit status is then 1. --rejects FILE keeps the records.";

/// Shows events.
#[derive(Debug, clap::Args)]
pub(crate) struct ReadArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// How to show events
    #[arg(long, short, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub(crate) format: ReadFormat,

    /// The columns, in this order, separated by commas
    #[arg(
        long,
        value_name = "NAME,...",
        help_heading = "Output",
        long_help = columns_help()
    )]
    pub(crate) columns: Option<String>,

    /// Begin a CSV with a byte-order mark, without which Excel on Korean Windows misreads Hangul
    #[arg(long, help_heading = "Output")]
    pub(crate) bom: bool,

    /// Stop after so many events; what follows is not read
    #[arg(long, short = 'n', value_name = "N", help_heading = "Output")]
    pub(crate) limit: Option<u64>,

    /// Write to FILE; it appears only when it is whole, and only its owner may read it
    #[arg(
        long,
        short,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        help_heading = "Output"
    )]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) filters: FilterArgs,
}

fn columns_help() -> String {
    let names: Vec<&str> = Column::ALL.iter().map(|column| column.as_str()).collect();
    format!(
        "The columns, in this order, separated by commas; not for the format raw\n\n\
         Where none are asked for, a table has time, name, service, user ID, address and outcome; \
         the others have all but the last three of: {}",
        names.join(", ")
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReadFormat {
    /// Aligned for people; on a terminal long values are cut
    Table,
    /// One flat JSON object a line: the names and order of the table's columns
    Jsonl,
    /// One JSON array of the same objects
    Json,
    /// A header and a row an event; a leading = + - or @ gets a ' in front, against spreadsheets
    /// that would run it
    Csv,
    /// The records, byte for byte, each followed by a line end
    Raw,
    /// A Parquet file of the table; not for a terminal
    Parquet,
    /// An Arrow IPC stream of the table, a batch as soon as it is read; not for a terminal
    Arrow,
}

const CONVERT_EXAMPLES: &str = "\
Examples:
  nhn-cloudtrail convert logs/ -o events.parquet
  nhn-cloudtrail convert logs/ -o failures.csv --outcome failure --since 30d
  nhn-cloudtrail convert logs/ -o excel.csv --bom
  nhn-cloudtrail convert logs/ -o table/ --rejects rejected.jsonl
  nhn-cloudtrail read table/ --kind delete --since 7d

Data sets:
  A folder event_date=YYYY-MM-DD for each day, in UTC, with Parquet files in it. Events that the
  data set holds already, by key and content, are left out and counted as duplicates, so that the
  same logs may be given again and again. It can be read at any moment: a run that is stopped leaves
  it as it was, or with part of the new events, and running it again adds the rest.

Rejects:
  A record that cannot be read is counted, reported on standard error, and costs its neighbours
  nothing; the exit status is then 1. --rejects FILE keeps the records.";

/// Writes events to a file or a data set.
#[derive(Debug, clap::Args)]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// What to write: a .parquet, .arrow, .jsonl or .csv file, or the folder of a data set
    ///
    /// The name decides; any that ends otherwise is a folder, and a data set that is there is added
    /// to. A file is replaced; it appears only when it is whole. Only the owner may read either.
    #[arg(
        long,
        short,
        value_name = "OUT",
        value_hint = ValueHint::AnyPath,
        help_heading = "Output"
    )]
    pub(crate) output: PathBuf,

    /// The columns, in this order, separated by commas; a data set has all
    #[arg(
        long,
        value_name = "NAME,...",
        help_heading = "Output",
        long_help = convert_columns_help()
    )]
    pub(crate) columns: Option<String>,

    /// Begin a CSV with a byte-order mark, without which Excel on Korean Windows misreads Hangul
    #[arg(long, help_heading = "Output")]
    pub(crate) bom: bool,

    /// Add the records as they came, byte for byte, as a column raw
    #[arg(long, help_heading = "Output")]
    pub(crate) keep_raw: bool,

    /// Read and encode Parquet and Arrow on N threads; 0 is one for each core
    #[arg(
        long,
        value_name = "N",
        default_value = "0",
        help_heading = "Output",
        value_parser = clap::value_parser!(u16).range(..=1024)
    )]
    pub(crate) threads: u16,

    #[command(flatten)]
    pub(crate) filters: FilterArgs,
}

fn convert_columns_help() -> String {
    let names: Vec<&str> = Column::ALL.iter().map(|column| column.as_str()).collect();
    format!(
        "The columns, in this order, separated by commas; not for a data set\n\n\
         Where none are asked for, a file has all but the last three of: {}",
        names.join(", ")
    )
}

const STATS_EXAMPLES: &str = "\
Examples:
  nhn-cloudtrail stats logs/
  nhn-cloudtrail stats logs/ --outcome failure --tz Asia/Seoul
  nhn-cloudtrail stats logs/ --format json | jq .by_service

JSON:
  records = events + rejects + duplicates. Each by_... is an object of counts, the greatest first;
  events without a value count under \"(none)\", which in by_phase is the act itself. An event of two
  services counts for the one that its ID spells. by_actor goes by user ID, else name, else UUID.
  unknown has the event IDs that the catalog does not know. unrecognized counts events without any
  CloudTrail field, nul_bytes the NUL bytes that were skipped before records. untimed counts events
  whose time cannot be read. At most 100,000 values are told apart of each; the rest counts
  under \"(other)\".";

/// Counts events.
#[derive(Debug, clap::Args)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,

    /// How to show the counts
    #[arg(long, short, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub(crate) format: StatsFormat,

    /// Write to FILE; it appears only when it is whole, and only its owner may read it
    #[arg(
        long,
        short,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        help_heading = "Output"
    )]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) filters: FilterArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatsFormat {
    /// A summary as text
    Table,
    /// One JSON object with all counts
    Json,
}

const COLLECT_EXAMPLES: &str = "\
Examples:
  Everything that NHN Cloud still has, and from then on what is new:
      nhn-cloudtrail collect --base-url URL --app-key KEY --since 92d --into archive/
  From cron, every hour, with URL and keys in the config file:
      nhn-cloudtrail collect --since 92d --into archive/ --format json
  What the console exports to a bucket:
      nhn-cloudtrail collect --bucket s3://audit/cloudtrail --into archive/
  All organizations and buckets of the config file, each a table [[source]]:
      nhn-cloudtrail collect --all --into archive/ --wait-for-lock 10m

Keys:
  The query API's from NHN_CLOUDTRAIL_ACCESS_KEY_ID and NHN_CLOUDTRAIL_SECRET_ACCESS_KEY, or the
  config file. Their member needs the permission CloudTrail:EventLog.List. Where the name of a
  variable with a key ends in _FILE, it names a file that holds the key. Both keys of a pair are
  taken from one place.

Archives:
  Parquet files by day with the unchanged records, and a ledger in which each entry has the hash of
  the one before. An archive is a source like any other: `read archive/`, `stats archive/`. A run may
  be stopped or killed at any moment; the next one resumes. Days that the archive has are not fetched
  again; only their number of records is compared, so late records are found. Keep the printed head
  outside of the archive: `archive verify --head` detects a ledger that was rewritten.

Exit status:
  0  the archive has all of it
  1  something is missing, or records were rejected
  2  the command could not run, or another run holds the archive's lock
  130  it was interrupted
  With several sources, the worst.";

/// Collects events into an archive.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("from").required(true).multiple(true))]
pub(crate) struct CollectArgs {
    /// Folder of the archive; created if it does not exist
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) into: PathBuf,

    /// Start of the period, at most 93 days ago: 92d, 24h, 2026-10-31, 2026-10-31T09:00:00+09:00
    #[arg(long, value_name = "TIME", group = "from", help_heading = "Query API")]
    pub(crate) since: Option<String>,

    /// End of the period; a bare date includes that day. By default now
    #[arg(long, value_name = "TIME", requires = "since", help_heading = "Query API")]
    pub(crate) until: Option<String>,

    /// The time zone of times without an offset: UTC, local, or a name such as Asia/Seoul
    #[arg(long, value_name = "ZONE", default_value = "UTC", help_heading = "Query API")]
    pub(crate) tz: String,

    #[command(flatten)]
    pub(crate) api: ApiArgs,

    /// End the run after this time, such as 50m; events fetched until then are kept
    #[arg(long, value_name = "DURATION", value_parser = crate::time::duration)]
    pub(crate) deadline: Option<std::time::Duration>,

    /// Collect the objects of a bucket: s3://bucket or s3://bucket/prefix
    #[arg(long, value_name = "URL", group = "from", help_heading = "Object Storage")]
    pub(crate) bucket: Option<String>,

    /// Exclude objects whose names in the bucket match this glob, in which * matches slashes too; may be
    /// repeated
    #[arg(long, value_name = "GLOB", help_heading = "Object Storage")]
    pub(crate) exclude: Vec<String>,

    #[command(flatten)]
    pub(crate) storage: StorageArgs,

    /// Collect all sources of the config file
    ///
    /// Each source is a table [[source]] with a name, and either bucket = "s3://..." or base_url,
    /// app_key, access_key_id, secret_access_key, api and since. Missing values of base_url and
    /// object_storage are taken from the rest of the file; --since and --api apply to tables without
    /// these values. A source that fails does not stop the others.
    #[arg(
        long,
        group = "from",
        conflicts_with_all = ["source", "bucket"],
        help_heading = "Several sources"
    )]
    pub(crate) all: bool,

    /// Collect this source of the config file; may be repeated
    #[arg(
        long,
        value_name = "NAME",
        group = "from",
        conflicts_with = "bucket",
        help_heading = "Several sources"
    )]
    pub(crate) source: Vec<String>,

    /// Wait for another run on the archive to end, at most DURATION such as 10m
    ///
    /// Without this option, a run ends at once with status 2 while another one holds the archive's lock.
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        value_parser = crate::time::duration,
        help_heading = "Output"
    )]
    pub(crate) wait_for_lock: Option<Option<Duration>>,

    /// Sign the ledger's head with an Ed25519 key: a PEM file, as written by `openssl genpkey`
    #[arg(long, value_name = "KEY", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) sign: Option<PathBuf>,

    /// Keep the newest head in this file outside of the archive, and check that the archive still
    /// contains the head in it: detects an archive that was rolled back. By default a file beside the
    /// config file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) head_file: Option<PathBuf>,

    /// Format of the result
    #[arg(long, short, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub(crate) format: StatsFormat,
}

/// Address and options of the query API.
#[derive(Debug, clap::Args)]
pub(crate) struct ApiArgs {
    /// The query API's base URL, as shown in the console
    #[arg(
        long,
        value_name = "URL",
        env = "NHN_CLOUDTRAIL_BASE_URL",
        hide_env_values = true,
        value_hint = ValueHint::Url,
        help_heading = "Query API"
    )]
    pub(crate) base_url: Option<String>,

    /// The organization's appkey; by default from NHN_CLOUDTRAIL_APP_KEY or the config file
    #[arg(long, value_name = "KEY", help_heading = "Query API")]
    pub(crate) app_key: Option<String>,

    /// A file that contains only the appkey
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "app_key",
        value_hint = ValueHint::FilePath,
        help_heading = "Query API"
    )]
    pub(crate) app_key_file: Option<PathBuf>,

    /// The version of the API: v2 requires keys, v1 only the appkey
    #[arg(
        long,
        value_name = "VERSION",
        default_value = "v2",
        value_parser = PossibleValuesParser::new(["v1", "v2"]).try_map(|text| text.parse::<Api>()),
        help_heading = "Query API"
    )]
    pub(crate) api: Api,

    /// Maximum number of concurrent requests
    #[arg(long, value_name = "N", default_value = "4", help_heading = "Query API")]
    pub(crate) concurrency: usize,

    /// Maximum number of requests per second
    #[arg(long, value_name = "N", default_value = "50", help_heading = "Query API")]
    pub(crate) rate: f64,

    /// Number of retries of a failed request
    #[arg(long, value_name = "N", default_value = "8", help_heading = "Query API")]
    pub(crate) retries: u32,

    /// Timeout of a request, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "60",
        value_parser = clap::value_parser!(u64).range(1..=3600),
        help_heading = "Query API"
    )]
    pub(crate) timeout: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// Compare an archive with its ledger: every file and every line
    #[command(after_long_help = "\
Exit status:
  0  all is as it was recorded
  1  something was altered, removed, added or put in another order, or the last run is too old
  2  the command could not run")]
    Verify {
        /// Folder of the archive
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        archive: PathBuf,
        /// A head that collect printed, which the ledger must contain: detects a ledger that was truncated
        /// or rewritten
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
        /// A public Ed25519 key in PEM format, under which the newest head must be signed
        #[arg(long, value_name = "KEY", value_hint = ValueHint::FilePath)]
        public_key: Option<PathBuf>,
        /// The file in which collect keeps the newest head, which the ledger must contain. By default a
        /// file beside the config file
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        head_file: Option<PathBuf>,
        /// Maximum time since the end of the last run, such as 2h: detects a collector that stopped
        #[arg(long, value_name = "TIME", value_parser = crate::time::duration)]
        max_age: Option<std::time::Duration>,
        /// Output format
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: StatsFormat,
    },
    /// Show days, counts, gaps, sizes and the last run
    #[command(after_long_help = STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Merge the small files of each finished day
    #[command(after_long_help = "\
An interrupted compaction is completed by the next command that opens the archive for writing. The ledger
records a hash of the rows, which is the same for the files before and after.

Example:
  nhn-cloudtrail archive compact archive/

Exit status:
  0  each finished day has one file instead of several small ones
  1  days were left unchanged because one of their files differs from the ledger
  2  the command could not run
  130  it was interrupted")]
    Compact {
        /// Folder of the archive
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        archive: PathBuf,
        #[command(flatten)]
        output: OperationArgs,
    },
    /// Remove the days before a date; hashes and counts stay in the ledger
    #[command(after_long_help = "\
Later runs of collect do not request these days, and do not add events of them. Events without a time,
and rejects, are not pruned.

Example:
  nhn-cloudtrail archive prune archive/ --before 2025-01-01 --reason 'policy 7: one year'")]
    Prune {
        /// Folder of the archive
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        archive: PathBuf,
        /// First day to keep, in UTC: YYYY-MM-DD
        #[arg(long, value_name = "DATE")]
        before: String,
        /// Reason, which is recorded in the ledger
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        output: OperationArgs,
    },
    /// Read lost data again from a bucket, and from the query API as long as it keeps the events
    #[command(after_long_help = REPAIR_EXAMPLES)]
    Repair(Box<RepairArgs>),
    /// Record losses as final: the data cannot be recovered from any source
    #[command(
        after_long_help = "\
Only open losses can be acknowledged. Later runs of collect and verify do not report them; status does.

Examples:
  nhn-cloudtrail archive acknowledge archive/ --all --reason 'disk failure of 3 October, no backup'
  nhn-cloudtrail archive acknowledge archive/ 2026-10-01/2026-10-03 --reason 'the service was down'",
        group = clap::ArgGroup::new("what").required(true).multiple(true)
    )]
    Acknowledge {
        /// Folder of the archive
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        archive: PathBuf,
        /// What is lost: the path of a file in the archive, the URL of an object, or a period of the API
        /// in UTC
        #[arg(value_name = "PATH|URL|SINCE/UNTIL", group = "what")]
        losses: Vec<String>,
        /// Acknowledge all open losses
        #[arg(long, group = "what")]
        all: bool,
        /// Organization of the periods, by the hash that status shows; required if there are several
        #[arg(long, value_name = "HASH")]
        source: Option<String>,
        /// Reason, which is recorded in the ledger
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        output: OperationArgs,
    },
}

/// Options for the end of an operation on an archive.
#[derive(Debug, clap::Args)]
pub(crate) struct OperationArgs {
    /// Sign the ledger's head with an Ed25519 key: a PEM file, as written by `openssl genpkey`
    #[arg(long, value_name = "KEY", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) sign: Option<PathBuf>,

    /// Keep the newest head in this file outside of the archive, and check that the archive still
    /// contains the head in it: detects an archive that was rolled back. By default a file beside the
    /// config file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) head_file: Option<PathBuf>,

    /// Format of the result
    #[arg(long, short, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub(crate) format: StatsFormat,
}

const STATUS_EXAMPLES: &str = "\
Examples:
  Is a collector at work, and complete?
      nhn-cloudtrail archive status archive/ --check --max-age 2h
  For the textfile collector of a node exporter:
      nhn-cloudtrail archive status archive/ --format prometheus > cloudtrail.prom.new
      mv cloudtrail.prom.new cloudtrail.prom

Exit status with --check, the first that applies:
  3  something is missing: the last run had gaps, a period of a source is not covered, or a file is lost
  4  no run has ended within --max-age
  5  a run has held the archive's lock for longer than --max-lock
  0  none of these; without --check always, where the status could be read
  2  the command could not run";

/// Shows the contents of an archive.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Folder of the archive
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) archive: PathBuf,

    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: StatusFormat,

    /// Exit with 3, 4 or 5 if something is missing, out of date or stuck
    #[arg(long)]
    pub(crate) check: bool,

    /// With --check: maximum time since the end of the last run
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "26h",
        requires = "check",
        value_parser = crate::time::duration
    )]
    pub(crate) max_age: Duration,

    /// With --check: maximum time that a run may hold the archive's lock
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "6h",
        requires = "check",
        value_parser = crate::time::duration
    )]
    pub(crate) max_lock: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusFormat {
    /// A summary as text
    Table,
    /// One JSON object
    Json,
    /// The text format of Prometheus
    Prometheus,
}

const REPAIR_EXAMPLES: &str = "\
Every file is compared with the ledger first. For a lost file, its whole day is read again. For rejects and
events without a time, everything is read again, since their origin is unknown. A loss is repaired only if
all of its sources were read again completely, and the archive has at least as many records as before.

Examples:
  nhn-cloudtrail archive repair archive/
  nhn-cloudtrail archive repair archive/ --bucket s3://audit/cloudtrail
  nhn-cloudtrail archive repair archive/ --all

Exit status:
  0  no loss is left
  1  losses are left: the output lists them with reasons; `archive acknowledge` records them as final
  2  the command could not run
  130  it was interrupted";

/// Reads again what an archive has lost.
#[derive(Debug, clap::Args)]
pub(crate) struct RepairArgs {
    /// Folder of the archive
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) archive: PathBuf,

    #[command(flatten)]
    pub(crate) api: ApiArgs,

    /// Read the objects of a bucket again: s3://bucket or s3://bucket/prefix
    #[arg(long, value_name = "URL", help_heading = "Object Storage")]
    pub(crate) bucket: Option<String>,

    #[command(flatten)]
    pub(crate) storage: StorageArgs,

    /// Read from all sources of the config file
    #[arg(long, conflicts_with_all = ["source", "bucket"], help_heading = "Several sources")]
    pub(crate) all: bool,

    /// Read from this source of the config file; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "bucket", help_heading = "Several sources")]
    pub(crate) source: Vec<String>,

    #[command(flatten)]
    pub(crate) output: OperationArgs,
}

const SQL_EXAMPLES: &str = "\
Examples:
  nhn-cloudtrail sql 'SELECT service, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC' logs/
  nhn-cloudtrail sql \"FROM events WHERE kind = 'delete' AND event_time > '2026-10-01'\" logs/ -f csv
  nhn-cloudtrail sql \"COPY (FROM events WHERE outcome = 'failure') TO 'failed.parquet'\" logs/
  nhn-cloudtrail sql \"FROM events JOIN catalog USING (event_id) WHERE retired\" logs/

Tables:
  events   the columns of `read --format jsonl`; event_time is a timestamp in UTC
  catalog  a row an event ID: names, service, kind, phase, since when it is listed

The query is DuckDB's SQL, and may read and write files where it says so. Of the logs only the columns
are read that it needs, and the events that its conditions on single columns let through.

DuckDB comes with the Python package: pip install 'nhn-cloudtrail[sql]'.";

/// Runs SQL over events.
#[derive(Debug, clap::Args)]
pub(crate) struct SqlArgs {
    /// The query, over the tables `events` and `catalog`
    #[arg(value_name = "QUERY")]
    pub(crate) query: String,

    /// Files, folders or globs; `-` is standard input
    #[arg(value_name = "SOURCE", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) sources: Vec<PathBuf>,

    /// How to show the result
    #[arg(long, short, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub(crate) format: SqlFormat,

    /// Write to FILE; it appears only when it is whole, and only its owner may read it
    #[arg(
        long,
        short,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        help_heading = "Output"
    )]
    pub(crate) output: Option<PathBuf>,

    /// Begin a CSV with a byte-order mark, without which Excel on Korean Windows misreads Hangul
    #[arg(long, help_heading = "Output")]
    pub(crate) bom: bool,

    /// Leave out records that were read before
    #[arg(long)]
    pub(crate) dedup: bool,

    /// Read only the records that PATH leads to, for wrappers that are not recognized
    ///
    /// Names of members are separated by dots, and [] stands for each element of an array, as in
    /// hits.hits[]._source. A string on the way is read as the JSON text in it.
    #[arg(long, value_name = "PATH")]
    pub(crate) record_path: Option<RecordPath>,

    /// Reject records larger than SIZE, such as 64M or 16MiB
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size)]
    pub(crate) max_record_bytes: usize,

    /// Reject records nested deeper than N
    #[arg(long, value_name = "N", default_value = "128")]
    pub(crate) max_depth: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SqlFormat {
    /// Aligned for people; on a terminal long values are cut
    Table,
    /// One JSON object a line
    Jsonl,
    /// A header and a row each; a leading = + - or @ gets a ' in front, against spreadsheets that
    /// would run it
    Csv,
}

/// What is read, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct InputArgs {
    /// Files, folders, globs or s3://bucket/prefix; `-` is standard input
    ///
    /// A folder is read recursively in the order of its paths; names that begin with `.` or `_` are
    /// skipped. Of a bucket all objects are read whose name begins with the prefix.
    #[arg(value_name = "SOURCE", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) sources: Vec<PathBuf>,

    /// The time zone: UTC, local, or a name such as Asia/Seoul
    ///
    /// Tables show times in it and days are counted in it, and times without an offset in --since
    /// and --until are taken to be in it. jsonl, json and csv always have UTC.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) tz: String,

    /// Leave out records that were read before
    ///
    /// A duplicate has the same key and the same content as a record before it. Remembers some 20
    /// bytes a record.
    #[arg(long)]
    pub(crate) dedup: bool,

    /// Check the checksum of every Parquet file before reading it
    ///
    /// A damaged file is then an error, as is one that has no checksum because another program wrote
    /// it. Parquet files are read twice.
    #[arg(long)]
    pub(crate) verify: bool,

    /// Keep what could not be read in FILE, as JSON lines
    ///
    /// Each with source, record, line, byte, code, message, and the bytes as raw, or as raw_base64
    /// where they are not UTF-8; of a record larger than the limit the first 64 KiB, and length.
    /// The file appears only when it is whole, and only its owner may read it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) rejects: Option<PathBuf>,

    /// Read only the records that PATH leads to, for wrappers that are not recognized
    ///
    /// Names of members are separated by dots, and [] stands for each element of an array, as in
    /// hits.hits[]._source. A string on the way is read as the JSON text in it.
    #[arg(long, value_name = "PATH")]
    pub(crate) record_path: Option<RecordPath>,

    /// Reject records larger than SIZE, such as 64M or 16MiB
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size)]
    pub(crate) max_record_bytes: usize,

    /// Reject records nested deeper than N
    #[arg(long, value_name = "N", default_value = "128")]
    pub(crate) max_depth: usize,

    /// The region of s3:// sources, such as kr1
    #[arg(
        long,
        value_name = "REGION",
        env = "NHN_CLOUDTRAIL_S3_REGION",
        hide_env_values = true,
        help_heading = "Object Storage"
    )]
    pub(crate) bucket_region: Option<String>,

    #[command(flatten)]
    pub(crate) buckets: BucketArgs,
}

/// A bucket's region, and how buckets are reached; for commands without a filter by region.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Object Storage")]
pub(crate) struct StorageArgs {
    /// The bucket's region, such as kr1
    #[arg(
        long,
        alias = "bucket-region",
        value_name = "REGION",
        env = "NHN_CLOUDTRAIL_S3_REGION",
        hide_env_values = true
    )]
    pub(crate) region: Option<String>,

    #[command(flatten)]
    pub(crate) buckets: BucketArgs,
}

/// How buckets are reached.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Object Storage")]
pub(crate) struct BucketArgs {
    /// The URL of Object Storage's S3-compatible API
    ///
    /// The keys are taken from NHN_CLOUDTRAIL_S3_ACCESS_KEY_ID and NHN_CLOUDTRAIL_S3_SECRET_ACCESS_KEY,
    /// or the config file, otherwise from the variables of other S3 tools. Both keys are taken from the
    /// same place.
    #[arg(long, value_name = "URL", env = "NHN_CLOUDTRAIL_S3_ENDPOINT", hide_env_values = true)]
    pub(crate) endpoint: Option<String>,

    /// A config file with URLs and keys
    ///
    /// TOML with base_url, app_key or app_key_file, access_key_id, secret_access_key, and a table
    /// [object_storage] with endpoint, region, access_key_id, secret_access_key. By default
    /// nhn-cloudtrail/config.toml in XDG_CONFIG_HOME or ~/.config, if it exists.
    #[arg(
        long,
        value_name = "FILE",
        env = "NHN_CLOUDTRAIL_CONFIG",
        hide_env_values = true,
        value_hint = ValueHint::FilePath
    )]
    pub(crate) config: Option<PathBuf>,
}

/// Which events.
#[derive(Debug, clap::Args)]
#[command(
    next_help_heading = "Filters (values of one are alternatives, different ones must all hold)"
)]
pub(crate) struct FilterArgs {
    /// An event ID; `*` stands for any text
    #[arg(long, value_name = "ID")]
    pub(crate) event: Vec<String>,

    /// A service, by slug or name; `catalog services` lists them
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Vec<String>,

    /// What kind of thing was done
    #[arg(long, value_name = "KIND", value_parser = words::<Kind>(Kind::ALL.iter().map(|kind| kind.as_str())))]
    pub(crate) kind: Vec<Kind>,

    /// How far it had come; `none` is the act itself
    #[arg(long, value_name = "PHASE", value_parser = phase())]
    pub(crate) phase: Vec<PhaseArg>,

    /// How the call went, from the response
    #[arg(long, value_name = "OUTCOME", value_parser = outcome())]
    pub(crate) outcome: Vec<Outcome>,

    /// Through what it was done: USER_CONSOLE, ADMIN_CONSOLE, API
    #[arg(long, value_name = "TYPE")]
    pub(crate) source_type: Vec<String>,

    /// Who did it: ID, e-mail address, name or UUID; `*` stands for any text
    #[arg(long, value_name = "USER")]
    pub(crate) user: Vec<String>,

    /// From where: an address, or a range such as 10.0.0.0/8
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ip: Vec<String>,

    /// A project, by ID or name
    #[arg(long, value_name = "PROJECT")]
    pub(crate) project: Vec<String>,

    /// A region, such as KR1
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Vec<String>,

    /// From this instant on: 2026-10, 2026-10-31, 2026-10-31T09:00+09:00, or before now: 24h, 7d
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,

    /// Before this instant; a bare date includes that day, a month all of it
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,

    /// Only events that the catalog knows
    #[arg(long, conflicts_with = "unknown")]
    pub(crate) known: bool,

    /// Only events that the catalog does not know
    #[arg(long)]
    pub(crate) unknown: bool,

    /// Text in the request or the response, to the letter
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
}

/// A phase, or the act itself. (Of an `Option`, clap would make an argument that may be absent.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PhaseArg(pub(crate) Option<Phase>);

#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Shows all that the catalog knows of event IDs
    #[command(after_long_help = "\
Example:
  nhn-cloudtrail catalog get event_id.iaas.instance.create --lang en

Exit status:
  0  all IDs were found
  1  some were not
  2  none was")]
    Get {
        /// Event IDs, to the letter
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        /// `table` is a card for people
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: CatalogFormat,
    },
    /// Finds events by their names in any language, by former names, or by parts of their IDs
    #[command(after_long_help = "\
Examples:
  nhn-cloudtrail catalog search 인스턴스 생성
  nhn-cloudtrail catalog search delete floating ip --lang en

Exit status:
  0  something was found
  1  nothing was")]
    Search {
        /// Words that must all be found; case and spacing do not matter
        #[arg(value_name = "TEXT", required = true)]
        text: Vec<String>,
        /// How to show the events, the best first
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: CatalogFormat,
        /// At most so many events; 0 for all
        #[arg(long, short = 'n', value_name = "N", default_value = "20")]
        limit: usize,
    },
    /// Lists the services, with the number of their events
    Services {
        /// How to show the services
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: CatalogFormat,
    },
    /// Shows an event list as it was published once; without a name, which lists there are
    List {
        /// The list's name, such as gov-2020-10-29
        name: Option<String>,
        /// How to show the rows, in the order of the list
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: CatalogFormat,
    },
    /// Compares the catalog with an event list of NHN Cloud's user guide
    ///
    /// Shows what the list adds, what it has no more, and what it names otherwise.
    #[command(after_long_help = "\
Example:
  nhn-cloudtrail catalog diff event-list.md

Exit status:
  0  nothing differs
  1  something does
  2  the list could not be read")]
    Diff {
        #[command(flatten)]
        list: PublishedListArgs,
        /// How to show the differences
        #[arg(long, short, value_name = "FORMAT", default_value = "table")]
        format: CatalogFormat,
    },
    /// Makes an overlay of what an event list of NHN Cloud's user guide adds or names otherwise
    #[command(after_long_help = "\
Example:
  nhn-cloudtrail catalog import event-list.md -o overlay.tsv
  nhn-cloudtrail read logs/ --catalog-overlay overlay.tsv")]
    Import {
        #[command(flatten)]
        list: PublishedListArgs,
        /// Write to FILE instead of standard output
        #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
    /// Writes the whole catalog
    Export {
        /// How to write it
        #[arg(long, short, value_name = "FORMAT", default_value = "tsv")]
        format: CatalogFormat,
        /// Write to FILE instead of standard output
        #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct PublishedListArgs {
    /// The list's Markdown; `-` is standard input
    #[arg(value_name = "LIST.md", value_hint = ValueHint::FilePath)]
    pub(crate) path: PathBuf,

    /// Whose list it is
    #[arg(
        long,
        value_name = "EDITION",
        default_value = "public",
        value_parser = words::<Edition>(Edition::ALL.iter().map(|edition| edition.as_str()))
    )]
    pub(crate) edition: Edition,

    /// The list's language, where it is not found rightly
    #[arg(long, value_name = "LANG", value_parser = lang())]
    pub(crate) list_lang: Option<Lang>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CatalogFormat {
    /// Aligned for people
    Table,
    /// Tab-separated, with a header
    Tsv,
    /// JSON
    Json,
    /// A Markdown table
    Markdown,
}

fn words<T>(names: impl Iterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: std::str::FromStr<Err = nhn_cloudtrail::Error> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names.collect::<Vec<_>>()).try_map(|text| text.parse::<T>())
}

fn lang() -> impl TypedValueParser<Value = Lang> {
    words::<Lang>(Lang::ALL.iter().map(|lang| lang.as_str()))
}

fn phase() -> impl TypedValueParser<Value = PhaseArg> {
    let names = std::iter::once("none").chain(Phase::ALL.iter().map(|phase| phase.as_str()));
    PossibleValuesParser::new(names.collect::<Vec<_>>()).try_map(|text| {
        let phase = if text == "none" { None } else { Some(text.parse::<Phase>()?) };
        Ok::<_, nhn_cloudtrail::Error>(PhaseArg(phase))
    })
}

fn outcome() -> impl TypedValueParser<Value = Outcome> {
    let names: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
    PossibleValuesParser::new(names).try_map(|text| text.parse::<Outcome>())
}

/// A number of bytes: `4096`, `64k`, `16MiB`, `1G`. Units are of 1024.
fn size(text: &str) -> Result<usize, String> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match lower.strip_prefix(digits).unwrap_or_default().trim() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err("give a size such as 4096, 64M or 16MiB".to_owned()),
    };
    let number: usize =
        digits.trim().parse().map_err(|_| "give a size such as 4096, 64M or 16MiB".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("64k"), Ok(64 << 10));
        assert_eq!(size("16MiB"), Ok(16 << 20));
        assert_eq!(size("1 G"), Ok(1 << 30));
        assert!(size("").is_err());
        assert!(size("M").is_err());
        assert!(size("16X").is_err());
        assert!(size("-1").is_err());
        assert!(size("99999999999G").is_err());
    }
}
