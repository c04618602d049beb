//! Texts kept in files.

use std::path::Path;

/// Compares `text` with `tests/golden/NAME`; `UPDATE_GOLDEN=1` writes it instead.
///
/// # Panics
/// If they differ, or the file is missing.
pub fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_GOLDEN=1 writes it", path.display()));
    assert!(
        kept == text,
        "{} differs; UPDATE_GOLDEN=1 writes it anew\n--- kept\n{kept}\n--- now\n{text}",
        path.display()
    );
}
