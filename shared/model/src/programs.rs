//! Programs of others, found on PATH.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The program of that name on this process' PATH; `None` if there is none that can be run.
pub fn find(name: &str) -> Option<PathBuf> {
    find_in(name, &std::env::var_os("PATH")?)
}

/// As [`find`], in the folders of such a list. Relative ones are passed over: what lies in the working directory may be anybody's.
pub fn find_in(name: &str, folders: &OsStr) -> Option<PathBuf> {
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
    candidates.find(|path| runs(path))
}

/// True for a file that can be run.
#[cfg(unix)]
pub fn runs(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// True for a file that can be run.
#[cfg(not(unix))]
pub fn runs(path: &Path) -> bool {
    path.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn relative_folders_are_passed_over() {
        let found = |folders: &str| find_in("sh", OsStr::new(folders));
        assert_eq!(found("/nowhere:/bin"), Some("/bin/sh".into()));
        for folders in ["", ".", "bin:", "../../../../../../../bin"] {
            assert_eq!(found(folders), None, "{folders:?}");
        }
    }
}
