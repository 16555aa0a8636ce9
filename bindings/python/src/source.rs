//! What Python calls a source as what the core calls one.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use nhn_cloudtrail::{Reader, ReaderBuilder, Result, Store};
use nhn_cloudtrail_arrow::{Batches, TableBuilder};
use nhn_cloudtrail_collect::Buckets;
use pyo3::exceptions::{PyBlockingIOError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList, PyMemoryView, PyString, PyTuple};

use crate::options::Options;
use crate::storage;
use crate::watch::no_stop;

/// How many bytes are asked of a file object at a time.
const CHUNK: usize = 1 << 20;

/// A path, paths, bytes, a file object, or an iterable of bytes.
pub(crate) enum Source {
    Paths(Vec<PathBuf>),
    Bytes(PyBackedBytes),
    Stream(Stream),
}

impl Source {
    pub(crate) fn new(source: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Some(bytes) = as_bytes(source)? {
            return Ok(Source::Bytes(bytes));
        }
        if let Some(path) = as_path(source)? {
            return Ok(Source::Paths(vec![path]));
        }
        if let Ok(read) = source.getattr("read") {
            return Ok(Source::Stream(Stream::new(Chunks::File(read.unbind()))));
        }
        let items = source.try_iter().map_err(|_| wrong(source))?;
        let fixed = source.is_instance_of::<PyList>() || source.is_instance_of::<PyTuple>();
        let mut paths = Vec::new();
        for item in &items {
            let item = item?;
            if let Some(chunk) = as_bytes(&item)? {
                if !paths.is_empty() {
                    return Err(PyTypeError::new_err("a source has either paths or bytes in it"));
                }
                let mut stream = Stream::new(Chunks::Iterator(items.into_any().unbind()));
                stream.chunk = Some(chunk);
                return Ok(Source::Stream(stream));
            }
            match as_path(&item)? {
                Some(path) => paths.push(path),
                None => return Err(wrong(&item)),
            }
        }
        if fixed && paths.is_empty() {
            return Err(pyo3::exceptions::PyValueError::new_err("no source: the list is empty"));
        }
        Ok(Source::Paths(paths))
    }

    /// What has the objects, where buckets are among the paths.
    pub(crate) fn store(
        &self,
        py: Python<'_>,
        options: &Options,
    ) -> PyResult<Option<Arc<dyn Store>>> {
        match self {
            Source::Paths(paths) if paths.iter().any(|path| Buckets::is_source(path)) => {
                Ok(Some(Arc::new(storage::buckets(py, &options.storage, None)?)))
            }
            _ => Ok(None),
        }
    }

    pub(crate) fn read(self, builder: ReaderBuilder) -> Result<Reader> {
        match self {
            Source::Paths(paths) => builder.open(paths),
            Source::Bytes(bytes) => builder.from_owner(bytes),
            Source::Stream(stream) => builder.from_reader(stream),
        }
    }

    pub(crate) fn table(self, builder: TableBuilder) -> Result<Batches> {
        match self {
            Source::Paths(paths) => builder.open(paths),
            Source::Bytes(bytes) => builder.from_owner(bytes),
            Source::Stream(stream) => builder.from_reader(stream),
        }
    }
}

fn wrong(source: &Bound<'_, PyAny>) -> PyErr {
    let kind = source.get_type().name().map_or("this".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!(
        "{kind} is no source: give a path, a list of paths, bytes, a file opened in binary mode, or an \
         iterable of bytes"
    ))
}

fn as_path(source: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    if source.is_instance_of::<PyString>() || source.hasattr("__fspath__")? {
        return source.extract().map(Some);
    }
    Ok(None)
}

/// Bytes, without copying them; a copy of what another object holds that speaks the buffer protocol,
/// since it might change while it is read.
pub(crate) fn as_bytes(source: &Bound<'_, PyAny>) -> PyResult<Option<PyBackedBytes>> {
    if let Ok(bytes) = source.cast::<PyBytes>() {
        return Ok(Some(bytes.clone().into()));
    }
    if source.is_instance_of::<PyString>() || source.hasattr("read")? {
        return Ok(None);
    }
    match PyMemoryView::from(source) {
        Ok(view) => Ok(Some(view.call_method0("tobytes")?.cast_into::<PyBytes>()?.into())),
        Err(_) => Ok(None),
    }
}

/// Bytes that come one after the other.
pub(crate) struct Stream {
    chunks: Chunks,
    /// What came last, and how much of it was given out.
    chunk: Option<PyBackedBytes>,
    given: usize,
}

enum Chunks {
    /// The method `read`.
    File(Py<PyAny>),
    Iterator(Py<PyAny>),
}

impl Stream {
    fn new(chunks: Chunks) -> Self {
        Self { chunks, chunk: None, given: 0 }
    }

    fn next_chunk(&self, py: Python<'_>) -> PyResult<Option<PyBackedBytes>> {
        let read_file = |read: &Py<PyAny>| read.bind(py).call1((CHUNK,));
        let chunk = match &self.chunks {
            Chunks::File(read) => read_file(read)?,
            Chunks::Iterator(iterator) => match iterator.bind(py).try_iter()?.next() {
                Some(chunk) => chunk?,
                None => return Ok(None),
            },
        };
        if chunk.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err(
                "the source gives text instead of bytes: open it in binary mode, with \"rb\"",
            ));
        }
        if chunk.is_none() {
            return Err(PyBlockingIOError::new_err(
                "the source has no bytes at the moment; it must be one that waits for them",
            ));
        }
        match (as_bytes(&chunk)?, &self.chunks) {
            (Some(chunk), Chunks::File(_)) if chunk.is_empty() => Ok(None),
            (Some(chunk), _) => Ok(Some(chunk)),
            (None, _) => {
                let kind = chunk.get_type().name()?.to_string();
                Err(PyTypeError::new_err(format!("the source gives {kind} instead of bytes")))
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(chunk) = &self.chunk {
                let mut rest = chunk.get(self.given..).unwrap_or_default();
                let count = rest.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    self.given += count;
                    return Ok(count);
                }
            }
            let next = Python::try_attach(|py| {
                self.chunk = None;
                self.next_chunk(py).map_err(|raised| no_stop(py, raised))
            });
            match next {
                Some(Ok(Some(chunk))) => (self.chunk, self.given) = (Some(chunk), 0),
                Some(Ok(None)) => return Ok(0),
                Some(Err(raised)) => return Err(io::Error::other(raised)),
                None => return Err(io::Error::other("Python has ended")),
            }
        }
    }
}
