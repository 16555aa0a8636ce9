//! The `nhn-cloudtrail` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(nhn_cloudtrail_cli::main(std::env::args_os(), None))
}
