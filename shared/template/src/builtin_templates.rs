//! The built-in templates, which are compiled into the program.

use anyhow::{Context, Result};
use serde_json::Value;

use super::manifest::parse_plain_objects;
use super::source::Source;

/// Text of the template of a streamed application: name, title and image stand here, all else in `desktop.yaml`.
macro_rules! desktop {
    ($name:literal, $title:literal) => {
        concat!(
            "# ",
            $title,
            " in the browser, one Pod for each user (GIMP streaming). Meets Pod Security \"restricted\".\n",
            "apiVersion: streaming.platform/v1\n",
            "kind: SessionTemplate\n",
            "metadata:\n",
            "  name: ",
            $name,
            "\n",
            "spec:\n",
            "  description: ",
            $title,
            " in the browser\n",
            "  parameters:\n",
            "  - name: IMAGE\n",
            "    type: string\n",
            "    default: gimp-streaming-platform/",
            $name,
            ":latest\n",
            "    # Allows the platform's images, and images loaded into the nodes.\n",
            "    pattern: '^(gimp-streaming-platform|localhost)/[a-z0-9._/-]+(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[0-9a-f]{64})?$'\n",
            "    description: image that serves the application on ports 6901 (WebRTC, /health) and 5901 (VNC)\n",
            include_str!("../templates/desktop.yaml")
        )
    };
}

/// Returns the built-in SessionTemplate of a name as an object; `None` if there is none.
///
/// # Errors
/// If the built-in template is invalid, which is a bug.
pub fn builtin_template_object(name: &str) -> Result<Option<Value>> {
    let mut all = builtin_templates().iter();
    let Some((_, yaml)) = all.find(|(known, _)| *known == name) else {
        return Ok(None);
    };
    let place = || format!("built-in template {name:?}");
    let source = Source::new(format!("{name}.yaml"), *yaml).with_context(place)?;
    let mut objects = parse_plain_objects(&source)
        .with_context(place)?
        .into_iter();
    let first = objects.next().map(|(_, object)| object);
    first
        .with_context(|| format!("{} is empty", place()))
        .map(Some)
}

/// Returns name and YAML of every built-in SessionTemplate, in the order in which they are listed.
pub fn builtin_templates() -> &'static [(&'static str, &'static str)] {
    &[
        ("shell", include_str!("../templates/shell.yaml")),
        ("nvim", include_str!("../templates/nvim.yaml")),
        ("gimp", desktop!("gimp", "GIMP")),
        ("blender", desktop!("blender", "Blender")),
        ("inkscape", desktop!("inkscape", "Inkscape")),
        ("gimp-cloud", include_str!("../templates/gimp-cloud.yaml")),
        ("lab", include_str!("../templates/lab.yaml")),
        ("sindri", include_str!("../templates/sindri.yaml")),
        ("preview", include_str!("../templates/preview.yaml")),
    ]
}
