//! The native module `nhn_cloudtrail._native`: each function converts, calls the core, and converts
//! back. What users see of it is re-exported, typed and documented in `python/nhn_cloudtrail`.

mod catalog;
mod client;
mod collect;
mod command;
mod errors;
mod event;
mod lock;
mod options;
mod reader;
mod source;
mod storage;
mod table;
mod texts;
mod values;
mod watch;

use pyo3::prelude::*;

/// The native part of nhn_cloudtrail; not to be imported by itself.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::catalog::{Catalog, Entry, catalog, entry};
    #[pymodule_export]
    use crate::client::Client;
    #[pymodule_export]
    use crate::collect::{archive_status, collect, verify_archive};
    #[pymodule_export]
    use crate::command::run;
    #[pymodule_export]
    use crate::errors::panic;
    #[pymodule_export]
    use crate::event::{Event, event};
    #[pymodule_export]
    use crate::reader::{Reader, parse, read};
    #[pymodule_export]
    use crate::table::{
        Table, TableStream, enrich, read_table, scan_splits, scan_table, splits, write_parquet,
    };
    #[pymodule_export]
    use crate::texts::printable;
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        use nhn_cloudtrail::{Code, Column, SCHEMA_VERSION};
        nhn_cloudtrail_arrow::hide_caught_panics();
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let columns: Vec<&str> = Column::ALL.iter().map(|column| column.as_str()).collect();
        module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
        module.add("SCHEMA_VERSION", SCHEMA_VERSION)?;
        module.add("ERROR_CODES", codes)?;
        module.add("COLUMNS", columns)
    }
}
