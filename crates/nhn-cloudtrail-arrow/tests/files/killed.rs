//! A run that is killed at any moment leaves a readable data set, and the next completes it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::dataset::{add, lines};

const FOLDER: &str = "NHN_CLOUDTRAIL_KILLED";

fn input() -> String {
    let record = |n: usize| {
        let time = format!("2026-01-{:02}T00:00:00Z", 1 + n % 28);
        format!("{{\"eventTime\":\"{time}\",\"eventLogUuid\":\"{n}\"}}\n")
    };
    (0..1000).map(record).collect()
}

/// The run that is killed, in a process of its own.
#[test]
fn child() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let root = Path::new(&folder).join("set");
        add(&root, &input()).unwrap();
    }
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    assert!(start(folder.path()).wait().unwrap().success());
    let whole = begin.elapsed();
    let expected = lines(&folder.path().join("set"));
    assert_eq!(expected.len(), 1000);
    let mut partly = 0;
    for round in 0..16u32 {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("set");
        for kill in 0..2 {
            let mut child = start(folder.path());
            if round < 6 {
                std::thread::sleep(whole.mul_f64(f64::from(round * 2 + kill + 1) / 13.0));
            } else {
                // In its commit, which takes a moment only.
                let before = files(&root);
                while child.try_wait().unwrap().is_none()
                    && files(&root) <= before + round as usize - 6
                {}
            }
            child.kill().unwrap();
            child.wait().unwrap();
            if files(&root) > 0 {
                let stored = lines(&root);
                partly += usize::from(stored.len() < expected.len());
                assert!(stored.windows(2).all(|pair| pair[0] != pair[1]), "a row twice");
            }
        }
        add(&root, &input()).unwrap();
        assert_eq!(lines(&root), expected);
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "what the killed run left is still there");
    }
    assert!(partly > 0, "no run was killed in its commit");
}

/// How many files a data set has, while it changes.
fn files(root: &Path) -> usize {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let days = entries(root).filter(|day| day.file_name().as_encoded_bytes().starts_with(b"event"));
    days.map(|day| entries(&day.path()).count()).sum()
}
