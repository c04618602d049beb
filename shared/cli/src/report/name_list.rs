//! Names in a sentence.

/// Number of names in an error of a command that works on many.
pub const SHOWN_NAMES: usize = 20;

/// Joins names, `most` of them: `a, b, c and 2 more`.
pub fn list_names(names: &[impl AsRef<str>], most: usize) -> String {
    let named: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    let named = named.join(", ");
    match names.len().saturating_sub(most) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_names_is_cut() {
        let names = ["c1", "c2", "c3", "c4", "c5"];
        assert_eq!(list_names(&names, 3), "c1, c2, c3 and 2 more");
        assert_eq!(list_names(&names[..1], 3), "c1");
        assert_eq!(list_names(&names, 5), "c1, c2, c3, c4, c5");
    }
}
