//! Python environments of pinned packages, under `target/`.

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
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let install = ["-m", "pip", "install", "--quiet", "--requirement"];
    run(Command::new(&python).args(install).arg(requirements))?;
    fs::write(stamp, wanted)?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}
