//! The command, run as a user would: what it prints, where it writes, how it ends.

#[cfg(test)]
mod catalog;
#[cfg(test)]
mod collect;
#[cfg(test)]
mod common;
#[cfg(unix)]
#[cfg(test)]
mod convert;
#[cfg(test)]
mod days;
#[cfg(test)]
mod help;
#[cfg(unix)]
#[cfg(test)]
mod output;
#[cfg(test)]
mod read;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod stats;
#[cfg(test)]
mod status;
