//! The platforms whose documents name objects beside their sessions, and the built-in templates of each.

use anyhow::Result;
use session_shared::failure::usage_error;

/// A platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    Nvim,
    Sindri,
    Gimp,
    Lab,
    Preview,
}

/// The built-in templates, the one that a platform is named after before its others.
const TEMPLATES: [(&str, Platform); 8] = [
    ("nvim", Platform::Nvim),
    ("sindri", Platform::Sindri),
    ("gimp", Platform::Gimp),
    ("blender", Platform::Gimp),
    ("inkscape", Platform::Gimp),
    ("gimp-cloud", Platform::Gimp),
    ("lab", Platform::Lab),
    ("preview", Platform::Preview),
];

impl Platform {
    /// Returns the name of its first template.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Platform::Nvim => "nvim",
            Platform::Sindri => "sindri",
            Platform::Gimp => "gimp",
            Platform::Lab => "lab",
            Platform::Preview => "preview",
        }
    }

    /// Returns the platform whose documents name a template.
    pub(crate) fn of_template(template: &str) -> Option<Self> {
        let found = TEMPLATES.iter().find(|(name, _)| *name == template);
        found.map(|(_, platform)| *platform)
    }

    /// Parses the value of `--for` for a part that has objects for some platforms.
    ///
    /// # Errors
    /// Usage errors: the flag is missing, or names another template.
    pub(crate) fn parse(
        template: Option<&str>,
        part: &str,
        platforms: &[Platform],
    ) -> Result<Self> {
        let mut known = TEMPLATES.iter().filter(|(_, one)| platforms.contains(one));
        let names: Vec<&str> = known.clone().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        let Some(template) = template else {
            return Err(usage_error(format!("--for is required: {names}")));
        };
        let found = known.find(|(name, _)| *name == template);
        found.map(|(_, platform)| *platform).ok_or_else(|| {
            usage_error(format!(
                "invalid value of --for {template:?}: setup {part} supports {names}"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session_shared::template::builtin_templates;

    #[test]
    fn a_template_is_that_of_a_platform() {
        let all = TEMPLATES.map(|(_, platform)| platform);
        for (name, platform) in TEMPLATES {
            assert!(
                builtin_templates()
                    .iter()
                    .any(|(built_in, _)| *built_in == name)
            );
            assert_eq!(Platform::parse(Some(name), "x", &all).unwrap(), platform);
            let own = Platform::parse(Some(platform.name()), "x", &all).unwrap();
            assert_eq!(own, platform);
        }
        let refused = Platform::parse(Some("shell"), "mesh", &[Platform::Gimp]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "invalid value of --for \"shell\": setup mesh supports gimp, blender, inkscape, gimp-cloud"
        );
    }
}
