//! What one thread uses at a time, and not once more while it does.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, ThreadId};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;

/// A mutex that other threads wait for, and that tells its own thread that it is taken: a callback of
/// a reading may try to go on with it.
#[derive(Default)]
pub(crate) struct Lock<T> {
    value: Mutex<T>,
    holder: Mutex<Option<ThreadId>>,
}

pub(crate) struct Locked<'a, T> {
    value: MutexGuard<'a, T>,
    holder: &'a Mutex<Option<ThreadId>>,
}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), holder: Mutex::new(None) }
    }

    /// Waits for other threads, without the interpreter.
    pub(crate) fn lock(&self, py: Python<'_>) -> PyResult<Locked<'_, T>> {
        self.check()?;
        let value = self.value.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        Ok(self.locked(value))
    }

    /// None where somebody has it.
    pub(crate) fn try_lock(&self) -> Option<Locked<'_, T>> {
        match self.value.try_lock() {
            Ok(value) => Some(self.locked(value)),
            Err(TryLockError::Poisoned(poisoned)) => Some(self.locked(poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Waits for other threads.
    pub(crate) fn lock_detached(&self) -> PyResult<Locked<'_, T>> {
        self.check()?;
        Ok(self.locked(self.value.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn check(&self) -> PyResult<()> {
        let holder = *self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        if holder == Some(thread::current().id()) {
            return Err(PyRuntimeError::new_err("it is being read already, by who calls this"));
        }
        Ok(())
    }

    fn locked<'a>(&'a self, value: MutexGuard<'a, T>) -> Locked<'a, T> {
        let holder = &self.holder;
        *holder.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current().id());
        Locked { value, holder }
    }
}

impl<T> Drop for Locked<'_, T> {
    fn drop(&mut self) {
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Locked<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
