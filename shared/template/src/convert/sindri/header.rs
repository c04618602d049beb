//! Version, name and provider of a sindri.yaml.

use session_model::names::check_dns_label;

use super::super::super::node::Node;
use super::super::fields::{FieldReader, location, value};

/// Longest name: a StatefulSet's, whose Pods get a suffix in a label.
const NAME_MAX: usize = 52;

/// Checks `version`: digits, a dot, digits, in the text of the file.
pub(super) fn check_version(reader: &mut FieldReader<'_>, root: Option<&Node>) {
    let Some(scalar) = reader.scalar(root, "version") else {
        let message = "no version: read as 1.0".to_owned();
        reader.warn(location(root, "version"), message, "add version: \"1.0\"");
        return;
    };
    let parts: Vec<&str> = scalar.text.split('.').collect();
    let is_number =
        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() != 2 || !parts.iter().all(is_number) {
        let message = format!("invalid version {:?}: must be two numbers", scalar.text);
        reader.reject(scalar.location, message, "use version: \"1.0\"");
    } else if scalar.is_plain() {
        let message = format!("version {} is a floating-point number", scalar.text);
        let hint = format!("quote it: version: \"{}\"", scalar.text);
        reader.warn(scalar.location, message, &hint);
    }
}

pub(super) fn read_name(reader: &mut FieldReader<'_>, root: Option<&Node>) -> Option<String> {
    if value(root, "name").is_none() {
        reader.reject(
            location(root, "name"),
            "no name".to_owned(),
            "add name: sindri-dev",
        );
        return None;
    }
    reader.checked(root, "name", |name| {
        check_dns_label(name)?;
        match (
            name.starts_with(|first: char| first.is_ascii_lowercase()),
            name.len(),
        ) {
            (false, _) => Err("must begin with a letter".to_owned()),
            (true, length) if length > NAME_MAX => Err(format!(
                "must have at most {NAME_MAX} characters, as it is the name of a StatefulSet"
            )),
            _ => Ok(()),
        }
    })
}

/// Checks that the file is for Kubernetes.
pub(super) fn check_provider(
    reader: &mut FieldReader<'_>,
    root: Option<&Node>,
    deployment: Option<&Node>,
    has_kubernetes: bool,
) {
    let hint = match reader.text(deployment, "provider").as_deref() {
        Some("kubernetes" | "k8s") => return,
        None if has_kubernetes => {
            let message = "no deployment.provider: read as kubernetes, as providers.kubernetes is there";
            reader.warn(location(deployment.or(root), "provider"), message.to_owned(), "");
            return;
        }
        None => {
            let place = location(deployment.or(root), "provider");
            let hint = "add provider: kubernetes under deployment";
            reader.reject(place, "no deployment.provider".to_owned(), hint);
            return;
        }
        Some("devpod") => {
            "set deployment.provider: kubernetes, and move providers.devpod.kubernetes to providers.kubernetes".to_owned()
        }
        Some(local @ ("kind" | "k3d")) => format!(
            "set deployment.provider: kubernetes, and choose the cluster with --context {local}-NAME"
        ),
        Some(_) => "set deployment.provider: kubernetes".to_owned(),
    };
    let provider = reader.text(deployment, "provider").unwrap_or_default();
    let message = format!("provider {provider:?} does not run on Kubernetes");
    reader.reject(location(deployment, "provider"), message, &hint);
}
