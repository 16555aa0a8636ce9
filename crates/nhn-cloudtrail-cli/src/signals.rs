//! Signals that end a run.

/// Calls `act` in a separate thread when a signal asks the process to end: SIGINT, SIGTERM or SIGHUP.
///
/// A signal that is ignored stays ignored, as `nohup` and scripts with background jobs expect. A
/// failure is ignored: the command also works without a handler.
#[cfg(unix)]
pub(crate) fn on_end(act: impl Fn() + Send + 'static) {
    use std::sync::mpsc;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let (handles, installed) = mpsc::channel::<()>();
    let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let signals = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal));
        let Ok(mut signals) = Signals::new(signals) else { return };
        drop(handles);
        signals.forever().for_each(|_| act());
    });
    if thread.is_ok() {
        // Ends with an error when the thread is ready, or has ended.
        let _ = installed.recv();
    }
}

/// Whether a signal does nothing in this process.
#[cfg(unix)]
#[expect(unsafe_code, reason = "no crate reads the action of a signal without changing it")]
fn is_ignored(signal: std::ffi::c_int) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action nothing changes, and `action` has room for the old one.
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: zeros are an action, and so is what the system has written over them.
    let action = unsafe { action.assume_init() };
    asked == 0 && action.sa_sigaction == libc::SIG_IGN
}

/// Calls `act` in a separate thread when the user asks the process to end.
#[cfg(not(unix))]
pub(crate) fn on_end(act: impl Fn() + Send + 'static) {
    // Without a handler the command still works.
    let _ = ctrlc::set_handler(act);
}
