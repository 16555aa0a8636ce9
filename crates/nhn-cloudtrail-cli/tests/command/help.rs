//! The help texts, so that a change of them is seen.

use crate::common::{run, words};
use insta::assert_snapshot;

#[test]
fn every_command_explains_itself() {
    for (name, args) in [
        ("help", "--help"),
        ("help_short", "-h"),
        ("help_read", "read --help"),
        ("help_convert", "convert --help"),
        ("help_stats", "stats --help"),
        ("help_catalog", "catalog --help"),
        ("help_catalog_get", "catalog get --help"),
        ("help_catalog_search", "catalog search --help"),
        ("help_catalog_diff", "catalog diff --help"),
    ] {
        let ran = run(words(args));
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{args}");
        // An editor strips blanks at the ends of lines, clap writes some.
        let lines: Vec<&str> = ran.text().lines().map(str::trim_end).collect();
        assert_snapshot!(name, lines.join("\n"));
    }
}

#[test]
fn the_version_names_all_that_a_result_depends_on() {
    let ran = run(["--version"]);
    assert_eq!(ran.status, 0);
    let lines: Vec<&str> = ran.text().lines().collect();
    assert_eq!(lines[0], concat!("nhn-cloudtrail ", env!("CARGO_PKG_VERSION")));
    assert_eq!(lines[1], format!("catalog {}", nhn_cloudtrail::catalog::VERSION));
    assert_eq!(lines[2], format!("schema {}", nhn_cloudtrail::SCHEMA_VERSION));
}

#[test]
fn usage_errors_have_status_2() {
    for args in ["", "read", "nonsense", "read - --nonsense", "catalog", "catalog get"] {
        let ran = run(words(args));
        assert_eq!((ran.status, ran.stdout.len()), (2, 0), "{args:?}");
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn completions_are_written_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = run(["completions", shell]);
        assert_eq!(ran.status, 0);
        assert!(ran.text().contains("catalog-overlay"), "{shell}");
    }
}
