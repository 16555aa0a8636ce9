//! The `nhn-cloudtrail` command as a library.
