//! The built-in templates, which are compiled into the program.

/// Returns name and YAML of every built-in SessionTemplate, in the order in which they are listed.
pub fn builtin_templates() -> &'static [(&'static str, &'static str)] {
    &[
        ("shell", include_str!("../templates/shell.yaml")),
        ("nvim", include_str!("../templates/nvim.yaml")),
        ("lab", include_str!("../templates/lab.yaml")),
        ("sindri", include_str!("../templates/sindri.yaml")),
        ("preview", include_str!("../templates/preview.yaml")),
    ]
}
