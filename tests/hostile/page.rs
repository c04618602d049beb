//! The table of docs/security.md.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::attack::Attack;

/// The lines between which the table stands.
const MARKS: [&str; 2] = ["<!-- attacks -->\n", "<!-- end of attacks -->"];

/// The table of `attacks`, one row each.
pub(crate) fn table(attacks: &[Attack]) -> String {
    let mut table = "| Attack | What is seen | Test |\n|---|---|---|\n".to_owned();
    for attack in attacks {
        table.push_str(&format!(
            "| {} | {} | `{}` |\n",
            sentence(attack.tries),
            sentence(attack.seen),
            attack.name
        ));
    }
    table
}

/// Compares the page with `table`; `UPDATE_GOLDEN=1` writes it anew.
pub(crate) fn compare(table: &str) -> Result<()> {
    let path = page();
    let text = std::fs::read_to_string(&path).context("docs/security.md cannot be read")?;
    let [begin, end] = MARKS;
    let (head, rest) = text.split_once(begin).context("the page has no table")?;
    let (kept, tail) = rest.split_once(end).context("the table has no end")?;
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, format!("{head}{begin}{table}{end}{tail}"))?;
        return Ok(());
    }
    ensure!(
        kept == table,
        "docs/security.md differs; UPDATE_GOLDEN=1 writes it anew\n--- kept\n{kept}\n--- now\n{table}"
    );
    Ok(())
}

/// The text as a sentence of the page begins.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security.md")
}
