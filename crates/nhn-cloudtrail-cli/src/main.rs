//! The `nhn-cloudtrail` command.
fn main() {}
