//! Work in threads of its own. Libuv has four, which all of Node reads its files with: what waits for the
//! network, or works for minutes, must not take them.

use std::thread;

use napi::bindgen_prelude::*;
use nhn_cloudtrail::{Code, Error as CoreError, guarded};

use crate::errors::plainly_thrown;

/// Does `work` in a thread of its own; what comes of it is `made` into a value for JavaScript.
pub(crate) fn apart<'env, T: Send + 'static, J: ToNapiValue + 'static>(
    env: &'env Env,
    work: impl FnOnce() -> nhn_cloudtrail::Result<T> + Send + 'static,
    made: impl FnOnce(T) -> J + Send + 'static,
) -> Result<Object<'env>> {
    let (deferred, promise) = env.create_deferred()?;
    let begun = thread::Builder::new().name("nhn-cloudtrail".to_owned()).spawn(move || {
        let done = guarded(work).flatten();
        deferred
            .resolve(move |env: Env| done.map(made).map_err(|error| plainly_thrown(&env, &error)));
    });
    match begun {
        Ok(_) => Ok(promise),
        Err(error) => {
            let error = CoreError::new(Code::Io, "no thread can be started").caused_by(error);
            Err(plainly_thrown(env, &error))
        }
    }
}
