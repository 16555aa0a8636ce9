//! The command.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command with these arguments, the first of which is its name, and gives its exit status.
///
/// The process is the command's: it ends at once on Ctrl-C, and nothing is left half-written.
#[pyfunction]
pub(crate) fn run(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| nhn_cloudtrail_cli::main(arguments))
}
