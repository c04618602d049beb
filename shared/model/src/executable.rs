//! Lookup of executables on PATH.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Returns the first executable called `name` on this process's PATH.
#[expect(clippy::disallowed_methods, reason = "the only reader of PATH")]
pub fn find_executable(name: &str) -> Option<PathBuf> {
    find_executable_in(name, &std::env::var_os("PATH")?)
}

/// Returns the first executable called `name` in `folders`, a list in PATH syntax. Relative folders are skipped, because a
/// file in the working directory may belong to anybody. On Windows, `name.exe` is tried first.
pub fn find_executable_in(name: &str, folders: &OsStr) -> Option<PathBuf> {
    let mut candidates = std::env::split_paths(folders)
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| {
            let plain = folder.join(name);
            if cfg!(windows) {
                vec![folder.join(format!("{name}.exe")), plain]
            } else {
                vec![plain]
            }
        });
    candidates.find(|path| is_executable(path))
}

/// Returns true for a regular file that has an execute permission (on Windows: any file).
#[cfg(unix)]
pub fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Returns true for a regular file that has an execute permission (on Windows: any file).
#[cfg(not(unix))]
pub fn runs(path: &Path) -> bool {
    path.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn relative_folders_are_passed_over() {
        let found = |folders: &str| find_executable_in("sh", OsStr::new(folders));
        assert_eq!(found("/nowhere:/bin"), Some("/bin/sh".into()));
        for folders in ["", ".", "bin:", "../../../../../../../bin"] {
            assert_eq!(found(folders), None, "{folders:?}");
        }
    }
}
