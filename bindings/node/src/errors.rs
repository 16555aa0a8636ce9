//! Errors of the core as those of `node/src/errors.ts`.

use napi::bindgen_prelude::*;
use napi_derive::napi;
use nhn_cloudtrail::{Code, Error as CoreError, ErrorKind, guarded};

/// What a `CloudTrailError` is made of.
#[napi(object)]
pub struct Failure {
    pub code: String,
    pub message: String,
    pub source: Option<String>,
    pub record: Option<f64>,
    pub line: Option<f64>,
    pub byte: Option<f64>,
    pub field: Option<String>,
}

type Make = FunctionRef<Failure, Unknown<'static>>;

/// Says what makes an error of what went wrong, in this environment.
#[napi]
pub fn set_error(env: Env, make: Function<'_, Failure, Unknown<'static>>) -> Result<()> {
    env.set_instance_data(make.create_ref()?, (), |_| ())
}

/// The error that TypeScript makes of an error of the core.
pub(crate) fn made<'env>(env: &'env Env, error: &CoreError) -> Result<Unknown<'env>> {
    let mut failure = Failure::new(error);
    if let Some(hint) = hint(error) {
        failure.message = format!("{}; {hint}", failure.message);
    }
    make(env, failure)
}

fn make<'env>(env: &'env Env, failure: Failure) -> Result<Unknown<'env>> {
    let make = env.get_instance_data::<Make>()?;
    let make = make.ok_or_else(|| Error::from_reason("the module was not set up"))?;
    make.borrow_back(env)?.call(failure)
}

/// The same, to be thrown.
pub(crate) fn thrown(env: &Env, error: &CoreError) -> Error {
    made(env, error).map_or_else(|error| error, Error::from)
}

/// The same of an error that is of no reading, and that no `onError` would help with.
pub(crate) fn plainly_thrown(env: &Env, error: &CoreError) -> Error {
    make(env, Failure::new(error)).map_or_else(|error| error, Error::from)
}

/// Runs `work`, which reads nothing; an error or a panic in it is thrown.
pub(crate) fn run_plainly<T>(
    env: &Env,
    work: impl FnOnce() -> nhn_cloudtrail::Result<T>,
) -> napi::Result<T> {
    guarded(work).flatten().map_err(|error| plainly_thrown(env, &error))
}

/// Runs `work`; an error or a panic in it is thrown.
pub(crate) fn run<T>(
    env: &Env,
    work: impl FnOnce() -> nhn_cloudtrail::Result<T>,
) -> napi::Result<T> {
    guarded(work).flatten().map_err(|error| thrown(env, &error))
}

/// Whether an error ends a reading whatever `onError` says: it is none of the input's. After one of a
/// bucket's objects there are others; after one of a search there is nothing.
pub(crate) fn is_final(error: &CoreError) -> bool {
    matches!(error.code(), Code::Interrupted | Code::InvalidOption)
        || (error.kind() == ErrorKind::Service && error.position().is_none())
}

/// How to go on after an error.
fn hint(error: &CoreError) -> Option<&'static str> {
    let of_file = error.position().is_some_and(|position| position.source.is_some());
    match error.kind() {
        ErrorKind::Record => Some("onError: \"skip\" leaves such records out"),
        ErrorKind::Source | ErrorKind::Io if of_file && error.code() != Code::NotFound => {
            Some("onError: \"skip\" goes on at the next file")
        }
        _ => None,
    }
}

impl Failure {
    pub(crate) fn new(error: &CoreError) -> Self {
        let position = error.position();
        let place = |number: u64, is_meant: bool| is_meant.then_some(number as f64);
        let in_record = position.is_some_and(|position| position.record > 0);
        Self {
            code: error.code().as_str().to_owned(),
            // The place, the field and the cause stand in the text.
            message: error.to_string(),
            source: position.and_then(|position| position.source.as_deref()).map(str::to_owned),
            record: position.and_then(|position| place(position.record, in_record)),
            line: position.and_then(|position| place(position.line, position.line > 0)),
            byte: position.and_then(|position| place(position.byte, in_record)),
            field: error.field().map(str::to_owned),
        }
    }
}

/// Panics, to show what becomes of it.
#[napi]
pub fn panic(env: Env) -> Result<()> {
    #[expect(clippy::panic, reason = "that is what it is for")]
    run(&env, || panic!("on purpose"))
}
