//! Python environments of pinned packages, under `target/`, and our own package.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::Result;

/// The interpreter of an environment with these requirements, made anew only when they change.
pub(crate) fn environment(folder: &Path, requirements: &Path) -> Result<PathBuf> {
    let python = folder.join("bin/python");
    let wanted = fs::read_to_string(requirements)
        .map_err(|error| format!("{}: {error}", requirements.display()))?;
    // Written last, so that an environment without it is not whole.
    let stamp = folder.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == wanted) {
        return Ok(python);
    }
    remove(folder)?;
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    install(&python, &["--requirement".as_ref(), requirements.as_os_str()])?;
    fs::write(stamp, wanted)?;
    Ok(python)
}

/// Installs packages into an environment, anew where they are there already.
pub(crate) fn install(python: &Path, what: &[&OsStr]) -> Result<()> {
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(python).args(install).args(what))
}

/// Builds the wheel of our package, alone in `folder`, with the maturin of an environment.
pub(crate) fn wheel(root: &Path, python: &Path, folder: &Path) -> Result<PathBuf> {
    remove(folder)?;
    let mut command = Command::new(python);
    command.args(["-m", "maturin", "build", "--release", "--locked", "--out"]).arg(folder);
    run(command.current_dir(root.join("python")))?;
    built(folder, "whl")
}

/// The one file in `folder` that ends so.
pub(crate) fn built(folder: &Path, extension: &str) -> Result<PathBuf> {
    let files = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let mut files = files.into_iter().map(|entry| entry.path());
    let file = files.find(|path| path.extension().is_some_and(|end| end == extension));
    Ok(file.ok_or_else(|| format!("{}: no .{extension} was made", folder.display()))?)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}
