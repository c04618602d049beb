//! The manifest of the plugin `session`, as krew reads it.

use crate::platform::Platform;

const TEMPLATE: &str = include_str!("../session.yaml");

/// An archive of a release.
#[derive(Clone, Debug)]
pub struct Release {
    /// What it runs on.
    pub platform: Platform,
    /// Where it will be downloaded from.
    pub uri: String,
    /// Its digest.
    pub sha256: String,
}

/// Our manifest for these archives. `version` has no `v`.
#[must_use]
pub fn render(version: &str, repository: &str, releases: &[Release]) -> String {
    let text: String = TEMPLATE
        .split_inclusive('\n')
        .filter(|line| !line.starts_with('#'))
        .collect();
    let (head, package) = text.split_once("  platforms:\n").unwrap_or((&text, ""));
    let head = head
        .replace("${VERSION}", &format!("v{version}"))
        .replace("${REPOSITORY}", repository);
    let packages = releases.iter().map(|release| {
        package
            .replace("${OS}", release.platform.os)
            .replace("${ARCH}", release.platform.arch)
            .replace("${URI}", &release.uri)
            .replace("${SHA256}", &release.sha256)
            .replace("${BIN}", &release.platform.program("kubectl-session"))
    });
    format!("{head}  platforms:\n{}", packages.collect::<String>())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

    use serde_json::Value;

    use super::*;
    use crate::platform::RELEASED;

    fn manifest() -> Value {
        let releases = RELEASED.map(|platform| Release {
            platform,
            uri: format!("https://example.com/{}_{}", platform.os, platform.arch),
            sha256: "0".repeat(64),
        });
        let text = render("0.2.0-rc.1", "https://example.com/session", &releases);
        assert!(!text.contains("${"), "{text}");
        serde_saphyr::from_str(&text).unwrap()
    }

    #[test]
    fn the_manifest_names_every_platform_once() {
        let manifest = manifest();
        assert_eq!(manifest["spec"]["version"], "v0.2.0-rc.1");
        let packages = manifest["spec"]["platforms"].as_array().unwrap();
        let named = packages.iter().map(|package| {
            let labels = &package["selector"]["matchLabels"];
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (
                text(&labels["os"]),
                text(&labels["arch"]),
                text(&package["bin"]),
            )
        });
        let wanted = RELEASED.map(|platform| {
            let program = platform.program("kubectl-session");
            (platform.os.to_owned(), platform.arch.to_owned(), program)
        });
        assert_eq!(named.collect::<Vec<_>>(), wanted);
    }

    /// Rules of krew's index for texts, which its validator leaves to people.
    #[test]
    fn the_texts_fit_into_krews_index() {
        let spec = &manifest()["spec"];
        let text = |field: &str| spec[field].as_str().unwrap().to_owned();
        assert!(text("shortDescription").chars().count() <= 50);
        assert!(text("homepage").starts_with("https://"));
        assert!(
            !text("description").contains("kubectl "),
            "examples belong to the help"
        );
        for field in ["description", "caveats"] {
            let widths = text(field).lines().map(|line| line.chars().count()).max();
            assert!(
                (1..=80).contains(&widths.unwrap()),
                "{field} is {widths:?} columns wide"
            );
        }
    }
}
