//! Decides whether to send further requests to a service, and how often to retry them.
//!
//! Periods are independent: a failed one does not prevent the others from being fetched. Requests stop
//! only if the service never answered, or refuses the keys.

use std::sync::{Mutex, MutexGuard, PoisonError};

use nhn_cloudtrail::Error;

use crate::answer::Refusal;

/// Number of consecutive failures after which a service counts as down, or the keys as refused.
const FAILURES: usize = 3;

/// Number of retries while consecutive periods fail.
const FEW_RETRIES: u32 = 1;

/// The responses of a service during a run.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether it has answered any request for records.
    answered: bool,
    /// Number of periods that failed since its last answer.
    failed: usize,
    /// Number of the most recent of them that failed because the keys were refused.
    denied: usize,
    stopped: bool,
}

impl Health {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn succeeded(&self) {
        let mut state = self.state();
        (state.answered, state.failed, state.denied) = (true, 0, 0);
    }

    /// Records a failed period; returns whether requests must stop.
    pub(crate) fn failed(&self, error: &Error) -> bool {
        let mut state = self.state();
        let is_denied = Refusal::of(error).is_some_and(|refusal| !refusal.is_of_request());
        state.failed += 1;
        state.denied = if is_denied { state.denied + 1 } else { 0 };
        let is_down = !state.answered && (is_denied || state.failed >= FAILURES);
        state.stopped |= is_down || state.denied >= FAILURES;
        state.stopped
    }

    /// Returns the number of retries for a request that usually has `usual` retries.
    pub(crate) fn retries(&self, usual: u32) -> u32 {
        let state = self.state();
        if state.answered && state.failed >= FAILURES { usual.min(FEW_RETRIES) } else { usual }
    }

    pub(crate) fn has_answered(&self) -> bool {
        self.state().answered
    }

    /// Returns whether requests must stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.state().stopped
    }
}

#[cfg(test)]
mod tests {
    use nhn_cloudtrail::Code;

    use super::*;

    fn refused(code: i64) -> Error {
        Error::new(Code::Refused, "no").caused_by(Refusal(code))
    }

    fn down() -> Error {
        Error::new(Code::Network, "down")
    }

    #[test]
    fn a_service_that_never_answered_is_left_alone() {
        let health = Health::default();
        assert!(!health.failed(&down()) && !health.failed(&refused(40_001)));
        assert!(health.failed(&down()) && health.is_stopped() && !health.has_answered());
        assert!(Health::default().failed(&refused(40_101)), "bad keys are bad at once");
        assert!(Health::default().failed(&refused(40_400)));
    }

    #[test]
    fn a_service_that_answered_is_asked_on_with_less_patience() {
        let health = Health::default();
        health.succeeded();
        for _ in 0..2 {
            assert!(!health.failed(&down()));
            assert_eq!(health.retries(8), 8);
        }
        for _ in 0..20 {
            assert!(!health.failed(&refused(40_001)));
            assert_eq!((health.retries(8), health.retries(0)), (1, 0));
        }
        health.succeeded();
        assert_eq!(health.retries(8), 8);
        // Keys that are refused later are not tried for long.
        assert!(!health.failed(&refused(40_301)) && !health.failed(&refused(40_301)));
        assert!(health.failed(&refused(40_301)));
    }
}
