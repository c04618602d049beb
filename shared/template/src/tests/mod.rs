//! Tests of the template module through its public interface.

mod builtin;
mod extract;
mod fields;
mod foreign_objects;
mod guides;
mod hostile;
mod lab;
mod lint;
mod lint_fields;
mod lint_once;
mod lint_references;
mod lint_ssh;
mod oracle;
mod parameters;
mod render;
mod secrets;
mod sindri_config;

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Manifest, Parameter, Parameters, RenderedManifest, SessionIdentity, Source, ValueLayers, Values,
};

/// Identity of a session of Alice.
fn identity(session: &str) -> SessionIdentity {
    SessionIdentity {
        session: session.parse().unwrap(),
        user: "alice@example.com".parse().unwrap(),
        namespace: "labs".parse().unwrap(),
        application: None,
    }
}

fn map(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn manifest(text: &str) -> Manifest {
    Manifest::parse(&Source::new("a.yaml", text).unwrap()).unwrap()
}

/// Resolves values for a manifest from flags, and secrets from files. Missing secrets are generated.
fn values(
    manifest: &Manifest,
    declared: &[Parameter],
    flags: &[(&str, &str)],
    files: &[(&str, &str)],
) -> anyhow::Result<Values> {
    let (flags, files) = (map(flags), map(files));
    let given = ValueLayers {
        flags: &flags,
        files: &files,
        ..ValueLayers::default()
    };
    let mut values =
        Parameters::merge(declared, manifest)?.resolve(identity("alice-001"), &given)?;
    values.generate_missing_secrets()?;
    Ok(values)
}

fn render(text: &str, flags: &[(&str, &str)]) -> anyhow::Result<RenderedManifest> {
    let manifest = manifest(text);
    manifest.render(&values(&manifest, &[], flags, &[])?)
}

/// Renders a document with this spec and returns the object.
fn spec(spec: &str, flags: &[(&str, &str)]) -> Value {
    let text =
        format!("apiVersion: example.com/v1\nkind: Example\nmetadata: {{name: a}}\nspec:\n{spec}");
    render(&text, flags).unwrap().into_objects().remove(0)["spec"].clone()
}

fn fails(result: anyhow::Result<impl std::fmt::Debug>) -> String {
    result.unwrap_err().to_string()
}
