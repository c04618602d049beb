//! Ours passes; each bad one is refused with words of its own.
#![allow(clippy::unwrap_used, reason = "tests may fail loudly")]

use super::*;
use crate::manifest::{Release, render};
use crate::platform::{Platform, RELEASED};

const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn ours() -> String {
    let release = |platform: Platform| Release {
        platform,
        uri: format!(
            "https://example.com/{}_{}.tar.gz",
            platform.os, platform.arch
        ),
        sha256: DIGEST.to_owned(),
    };
    render(
        "0.2.0-rc.1",
        "https://example.com/session",
        &RELEASED.map(release),
    )
}

fn refused(from: &str, to: &str) -> String {
    let text = ours();
    assert!(text.contains(from), "{from:?} is not in the manifest");
    let plugin = Plugin::read(&text.replacen(from, to, 1)).unwrap();
    format!("{:#}", manifest("session", &plugin).unwrap_err())
}

#[test]
fn our_manifest_is_legal_and_names_every_platform_once() {
    let plugin = Plugin::read(&ours()).unwrap();
    manifest("session", &plugin).unwrap();
    texts(&plugin).unwrap();
    assert_eq!(plugin.spec.version, "v0.2.0-rc.1");
    for (os, arch) in [
        ("linux", "amd64"),
        ("linux", "arm64"),
        ("darwin", "amd64"),
        ("darwin", "arm64"),
        ("windows", "amd64"),
    ] {
        let package = plugin.package_for(os, arch).unwrap();
        assert_eq!(
            package.uri,
            format!("https://example.com/{os}_{arch}.tar.gz")
        );
        assert_eq!(package.bin.ends_with(".exe"), os == "windows", "{os}");
    }
    let other = plugin.package_for("linux", "ppc64le").unwrap_err();
    assert_eq!(
        other.to_string(),
        "plugin \"session\" does not offer installation for linux/ppc64le"
    );
    assert!(!ours().contains("${"), "{}", ours());
}

#[test]
fn the_bad_cases_are_refused_each_in_its_words() {
    // The seventh, a missing licence, is found only where something is installed: tests of `install`.
    let upper = DIGEST.to_uppercase();
    let cases = [
        (
            "name: session",
            "name: sessions",
            "the name \"sessions\" is not that of the file, \"session\"",
        ),
        (
            "  shortDescription: ",
            "  longDescription: ",
            "shortDescription is missing",
        ),
        (
            "version: v0.2.0",
            "version: 0.2.0",
            "\"0.2.0-rc.1\" not starting with 'v'",
        ),
        (
            DIGEST,
            &upper,
            &format!("platforms[0]: sha256 {upper:?} is not 64 lower-case hex digits"),
        ),
        (
            "arch: amd64",
            "arch: s390x",
            "platforms[0]: the selector matches no supported platform",
        ),
        (
            "arch: amd64",
            "arch: arm64",
            "darwin/arm64 is in 2 entries of platforms",
        ),
    ];
    for (from, to, wanted) in cases {
        assert_eq!(refused(from, to), wanted);
    }
}

#[test]
fn other_mistakes_are_refused_as_well() {
    let bin = "    bin: kubectl-session\n";
    let cases = [
        (
            "name: session",
            "name: a.b",
            "the name \"a.b\" is no plugin's name",
        ),
        (
            "name: session",
            "name: LPT1",
            "the name \"LPT1\" is a device of Windows",
        ),
        ("kind: Plugin", "kind: Pod", "kind \"Pod\" is not Plugin"),
        (
            "v1alpha2",
            "v1",
            "apiVersion \"krew.googlecontainertools.github.com/v1\" is not krew.googlecontainertools.github.com/v1alpha2",
        ),
        (
            "version: v0.2.0-rc.1",
            "version: v2",
            "\"v2\" is no semantic version: unexpected end of input while parsing major version number",
        ),
        (
            "https://example.com/darwin",
            "file:///tmp/darwin",
            "platforms[0]: unsupported protocol scheme \"file\"",
        ),
        (
            "https://example.com/darwin",
            "/tmp/darwin",
            "platforms[0]: \"/tmp/darwin_amd64.tar.gz\" is no address",
        ),
        (
            "os: darwin",
            "zone: darwin",
            "platforms[0]: the selector asks for \"zone\": only os and arch are known",
        ),
        (
            DIGEST,
            "abc",
            "platforms[0]: sha256 \"abc\" is not 64 lower-case hex digits",
        ),
        (bin, "", "platforms[0]: bin is missing"),
        (
            bin,
            "    bin: ../run\n",
            "platforms[0]: bin \"../run\" leads out of the install folder",
        ),
        (
            "to: .",
            "to: ../x",
            "platforms[0]: `to` \"../x\" leads out of the install folder",
        ),
        (
            "to: .",
            "to: a//b",
            "platforms[0]: `to` \"a//b\" is not clean: write \"a/b\"",
        ),
        (
            "from: LICENSE",
            "form: LICENSE",
            "platforms[0]: `from` of files is missing",
        ),
    ];
    for (from, to, wanted) in cases {
        assert_eq!(refused(from, to), wanted);
    }
    let none = Plugin {
        spec: crate::manifest::Spec {
            platforms: Vec::new(),
            ..Plugin::read(&ours()).unwrap().spec
        },
        ..Plugin::read(&ours()).unwrap()
    };
    assert_eq!(
        manifest("session", &none).unwrap_err().to_string(),
        "platforms are missing"
    );
}

#[test]
fn an_entry_for_everything_overlaps_with_every_other() {
    let text = ours().replacen(
        "  - selector:\n      matchLabels:\n        os: darwin\n        arch: amd64\n    uri",
        "  - uri",
        1,
    );
    let error = manifest("session", &Plugin::read(&text).unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "windows/amd64 is in 2 entries of platforms"
    );
}

#[test]
fn selectors_may_be_expressions() {
    let chosen = |operator: &str, values: &str| {
        let text = format!(
            "selector: {{matchExpressions: [{{key: os, operator: {operator}, values: [{values}]}}]}}"
        );
        let package: Package = serde_saphyr::from_str(&text).unwrap();
        ["linux", "darwin", "windows"].map(|os| package.fits(os, "amd64"))
    };
    assert_eq!(chosen("In", "linux, darwin"), [true, true, false]);
    assert_eq!(chosen("NotIn", "windows"), [true, true, false]);
    assert_eq!(chosen("Exists", ""), [true; 3]);
    assert_eq!(chosen("DoesNotExist", ""), [false; 3]);
    assert_eq!(chosen("Bogus", ""), [false; 3]);
}

#[test]
fn texts_have_their_lengths() {
    let refused = |from: &str, to: &str| {
        let plugin = Plugin::read(&ours().replacen(from, to, 1)).unwrap();
        manifest("session", &plugin).unwrap();
        texts(&plugin).unwrap_err().to_string()
    };
    let long = format!("shortDescription: {} ", "x".repeat(31));
    assert!(refused("shortDescription: ", &long).starts_with("shortDescription has "));
    assert!(
        refused("It needs", &format!("It needs{}", " x".repeat(40)))
            .starts_with("description is wider")
    );
    assert_eq!(
        refused("It needs no server", "kubectl session create"),
        "description has a usage example"
    );
    assert_eq!(
        refused("https://example.com/session", "x"),
        "homepage \"x\" is no https address"
    );
}

#[test]
fn licences_have_several_names() {
    let folder = tempfile::tempdir().unwrap();
    assert!(licence(folder.path()).is_err());
    std::fs::write(folder.path().join("UNLICENSED-NOTES"), "").unwrap();
    assert_eq!(
        licence(folder.path()).unwrap_err().to_string(),
        "no licence among the installed files: LICENSE or COPYING is wanted"
    );
    for name in ["LICENSE", "license.txt", "COPYING", "Copying.md"] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), "").unwrap();
        licence(folder.path()).unwrap();
    }
}
