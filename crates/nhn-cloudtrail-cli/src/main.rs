//! The `nhn-cloudtrail` command.

use std::process::ExitCode;

use nhn_cloudtrail_cli::{INTERRUPTED, Interrupt, run};

fn main() -> ExitCode {
    let interrupt = Interrupt::default();
    let handled = interrupt.clone();
    // Ends at once, whatever the run waits for: `raise` has removed the files that are not whole,
    // and lets no new ones begin. Without a handler the command still works, so failing is fine.
    let _ = ctrlc::set_handler(move || {
        handled.raise();
        std::process::exit(INTERRUPTED.into());
    });
    ExitCode::from(run(std::env::args_os(), &interrupt))
}
