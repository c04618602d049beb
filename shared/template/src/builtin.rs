//! The templates that come with the program.

/// (name, SessionTemplate as YAML) of every built-in template, in the order in which they are shown.
pub fn builtin() -> &'static [(&'static str, &'static str)] {
    &[
        ("shell", include_str!("../templates/shell.yaml")),
        ("nvim", include_str!("../templates/nvim.yaml")),
        ("lab", include_str!("../templates/lab.yaml")),
    ]
}
