//! The template that is meant: of the cluster, of a file, or built in.

use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use session_shared::api::{Parameter, SessionTemplate};
use session_shared::client::Place;
use session_shared::client::Selection;
use session_shared::client::missing;
use session_shared::client::typed;
use session_shared::failure::{hinted, usage};
use session_shared::flags::values::source;
use session_shared::names::TemplateName;
use session_shared::objects::resource::{SESSION_TEMPLATE, text};
use session_shared::ops::Cluster;
pub(crate) use session_shared::ops::live::installed;
use session_shared::report::console::Console;
use session_shared::template::{Source, TemplateFile, builtin, plain_objects};

use crate::args::Which;

/// What was chosen.
#[derive(Debug)]
pub(crate) enum Chosen {
    /// A template.
    Template(Box<Found>),
    /// A bare manifest.
    Manifest(Source),
}

/// A template.
#[derive(Debug)]
pub(crate) struct Found {
    /// The object as it is written or kept.
    pub(crate) object: Value,
    /// The same for reading.
    pub(crate) template: SessionTemplate,
    /// Its manifest, with the places of the file where it came from one.
    pub(crate) manifest: Source,
}

impl Chosen {
    /// The manifest.
    pub(crate) fn manifest(&self) -> &Source {
        match self {
            Chosen::Template(found) => &found.manifest,
            Chosen::Manifest(source) => source,
        }
    }

    /// The parameters that are declared.
    pub(crate) fn declared(&self) -> &[Parameter] {
        match self {
            Chosen::Template(found) => &found.template.spec.parameters,
            Chosen::Manifest(_) => &[],
        }
    }
}

/// Where to look, once it is known that only one place is meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// In the cluster.
    Cluster(TemplateName),
    /// Among the built-in ones.
    Builtin(TemplateName),
    /// In a file.
    File(String),
}

/// Reads name and flags.
///
/// # Errors
/// When they name no template, or two.
pub(crate) fn place(which: &Which) -> Result<Where> {
    match (&which.name, &which.filename, which.builtin) {
        (Some(name), None, false) => Ok(Where::Cluster(name_of(name)?)),
        (Some(name), None, true) => Ok(Where::Builtin(name_of(name)?)),
        (None, Some(file), false) => Ok(Where::File(file.clone())),
        (None, Some(_), true) => Err(usage(
            "--filename and --builtin cannot be specified together",
        )),
        (Some(_), Some(_), _) => Err(usage("NAME and --filename cannot be specified together")),
        (None, None, _) => Err(usage("exactly one NAME is required, or --filename")),
    }
}

/// A name as it is typed, or as `list -o name` prints it.
///
/// # Errors
/// When it cannot be one.
pub(crate) fn name_of(word: &str) -> Result<TemplateName> {
    let Some((kind, name)) = word.split_once('/') else {
        return word.parse();
    };
    let known = [
        "sessiontemplate",
        "sessiontemplates",
        "sessiontemplate.streaming.platform",
        "sessiontemplates.streaming.platform",
    ];
    if !known.contains(&kind) {
        return Err(usage(format!(
            "the resource type {kind:?} is not a sessiontemplate: {word:?}"
        )));
    }
    name.parse()
}

/// A template of the cluster.
///
/// # Errors
/// When it is not there, or the API is not installed.
pub(crate) async fn of_cluster(cluster: &Cluster, name: &TemplateName) -> Result<Chosen> {
    match installed(cluster.get(&SESSION_TEMPLATE, "", name.as_str()).await)? {
        Some(object) => of_object(object, &format!("sessiontemplate/{name}")),
        None => {
            let missing = missing(&SESSION_TEMPLATE, name.as_str());
            Err(hinted(missing, known(cluster).await))
        }
    }
}

/// The way out where there is no such template.
async fn known(cluster: &Cluster) -> String {
    let found = cluster
        .list_metadata(&SESSION_TEMPLATE, Place::Cluster, &Selection::default())
        .await;
    let items = found.map(|list| list.items).unwrap_or_default();
    let names: Vec<&str> = items
        .iter()
        .map(|item| text(item, "/metadata/name"))
        .collect();
    if names.is_empty() {
        return "there are no templates: install the built-in ones with kubectl session setup templates".into();
    }
    format!("the templates are {}", names.join(", "))
}

/// A built-in template.
///
/// # Errors
/// When there is none of that name.
pub(crate) fn of_builtin(name: &TemplateName) -> Result<Chosen> {
    let names: Vec<&str> = builtin().iter().map(|(name, _)| *name).collect();
    match builtin().iter().find(|(known, _)| *known == name.as_str()) {
        Some((name, yaml)) => of_object(parsed(name, yaml)?, &format!("sessiontemplate/{name}")),
        None => Err(hinted(
            anyhow!("there is no built-in template {:?}", name.as_str()),
            format!("the built-in templates are {}", names.join(", ")),
        )),
    }
}

/// The built-in templates as objects, in their order.
///
/// # Errors
/// When one cannot be read, which a test rules out.
pub(crate) fn builtin_objects() -> Result<Vec<Value>> {
    let all = builtin().iter();
    all.map(|(name, yaml)| parsed(name, yaml)).collect()
}

fn parsed(name: &str, yaml: &str) -> Result<Value> {
    let source = Source::new(format!("{name}.yaml"), yaml)?;
    let mut objects = plain_objects(&source)?.into_iter();
    let (_, object) = objects
        .next()
        .with_context(|| format!("built-in template {name:?} is empty"))?;
    Ok(object)
}

fn of_object(object: Value, name: &str) -> Result<Chosen> {
    let template: SessionTemplate = typed(object.clone())?;
    let manifest = Source::new(name, template.spec.manifest.clone())?;
    Ok(Chosen::Template(Box::new(Found {
        object,
        template,
        manifest,
    })))
}

/// The template in a file, or the manifest it holds.
///
/// # Errors
/// When it cannot be read, or holds several templates.
pub(crate) fn of_file(file: &str, console: &mut Console) -> Result<Chosen> {
    let source = source(file, console.input())?;
    let mut templates = templates(&source)?;
    let names: Vec<&str> = templates.iter().map(|one| one.name.as_str()).collect();
    if names.len() > 1 {
        let error = anyhow!(
            "{}: it holds {} templates: {}",
            source.name(),
            names.len(),
            names.join(", ")
        );
        return Err(hinted(error, "give each template a file of its own"));
    }
    let Some(one) = templates.pop() else {
        return Ok(Chosen::Manifest(source));
    };
    Ok(Chosen::Template(Box::new(Found {
        template: typed(one.object.clone())?,
        object: one.object,
        manifest: one.manifest,
    })))
}

/// The templates in a file; none where it is a manifest.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn templates(source: &Source) -> Result<Vec<TemplateFile>> {
    match TemplateFile::read(source) {
        // A manifest with placeholders may be no plain YAML at all: that is for who reads manifests to say.
        Err(_) if !source.text().contains("SessionTemplate") => Ok(Vec::new()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_template_is_meant() {
        let which = |name: Option<&str>, filename: Option<&str>, builtin| Which {
            name: name.map(str::to_owned),
            filename: filename.map(str::to_owned),
            builtin,
        };
        let lab: TemplateName = "lab".parse().unwrap();
        let of = |which| place(&which);
        assert_eq!(
            of(which(Some("sessiontemplate/lab"), None, false)).unwrap(),
            Where::Cluster(lab.clone())
        );
        assert_eq!(
            of(which(Some("lab"), None, true)).unwrap(),
            Where::Builtin(lab)
        );
        for (wrong, text) in [
            (
                which(None, None, false),
                "exactly one NAME is required, or --filename",
            ),
            (
                which(Some("a"), Some("f"), false),
                "NAME and --filename cannot be specified together",
            ),
            (
                which(None, Some("f"), true),
                "--filename and --builtin cannot be specified together",
            ),
            (
                which(Some("pod/a"), None, false),
                "the resource type \"pod\" is not a sessiontemplate: \"pod/a\"",
            ),
        ] {
            assert_eq!(of(wrong).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn every_built_in_template_can_be_chosen() {
        for (name, _) in builtin() {
            of_builtin(&name.parse().unwrap()).unwrap();
        }
        assert_eq!(builtin_objects().unwrap().len(), builtin().len());
    }

    #[test]
    fn a_manifest_that_is_no_plain_yaml_is_a_manifest() {
        let source = Source::new("f", "kind: Pod\nmetadata: {name: ${A}}\n").unwrap();
        assert!(templates(&source).unwrap().is_empty());
        let broken = Source::new("f", "kind: SessionTemplate\nmetadata: {name: ${A}}\n").unwrap();
        assert!(templates(&broken).is_err());
    }
}
