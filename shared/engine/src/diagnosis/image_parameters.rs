//! The parameters that an image comes from, so that a session whose image cannot be had is started with another one.

use serde_json::Value;

use super::Cause;
use super::fact_query::FactQuery;
use session_model::objects::Untyped;
use session_template::{Manifest, Source};

/// Returns true for the reason of a cause that another image repairs.
pub(super) fn is_image_reason(reason: &str) -> bool {
    matches!(
        reason,
        "ErrImagePull"
            | "ImagePullBackOff"
            | "ErrImageNeverPull"
            | "InvalidImageName"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed"
    )
}

/// Adds the parameters to a cause. `objects` are the Session and its template, which is the one whose manifest counts.
pub(super) fn add_image_parameters(cause: &mut Cause, query: &FactQuery, objects: &[Value]) {
    let FactQuery::ImageParameters { container, .. } = query else {
        return;
    };
    let mut texts = objects.iter().rev();
    let text = texts.find_map(|object| Untyped(object).str_at("/spec/manifest"));
    let manifest = text.and_then(|text| Manifest::parse(&Source::new("manifest", text).ok()?).ok());
    cause.image_values = manifest.map_or_else(Vec::new, |manifest| {
        let image = manifest.image_parameters(container);
        let value = if image.is_whole { "IMAGE" } else { "VALUE" };
        let names = image.names.iter();
        names.map(|name| format!("{name}={value}")).collect()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(objects: &[Value], container: &str) -> Vec<String> {
        let query = FactQuery::ImageParameters {
            session: "a".into(),
            container: container.into(),
        };
        let mut cause = Cause::default();
        add_image_parameters(&mut cause, &query, objects);
        cause.image_values
    }

    #[test]
    fn the_parameters_are_those_in_the_image_of_the_container() {
        let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: \"x-${SESSION_ID}\"}\nspec:\n  initContainers:\n  - {name: net, image: \"busybox:1\"}\n  containers:\n  - {name: vm, image: \"${VM_IMAGE:-r/vm:1}\"}\n  - {name: app, image: \"${REGISTRY}/app:${TAG:-1}\"}\n  - {name: user, image: \"r/${APPLICATION}:1\"}\n";
        let template = json!({"kind": "SessionTemplate", "spec": {"manifest": manifest}});
        let session = json!({"kind": "Session", "spec": {"template": "t"}});
        let both = [session, template];
        assert_eq!(values(&both, "vm"), ["VM_IMAGE=IMAGE"]);
        assert_eq!(values(&both, "app"), ["REGISTRY=VALUE", "TAG=VALUE"]);
        for container in ["net", "user", "other"] {
            assert_eq!(values(&both, container), [""; 0], "{container}");
        }
        let own = json!({"kind": "Session", "spec": {"manifest": manifest}});
        assert_eq!(values(&[own], "vm"), ["VM_IMAGE=IMAGE"]);
        assert_eq!(values(&both[..1], "vm"), [""; 0], "the template is gone");
    }
}
