//! The image of a schedule's CronJobs, and whether it is known that the nodes can have it.

use serde_json::Value;
use session_model::objects::Untyped;

use super::objects::IMAGE_PATH;
use super::parts::ObservedPart;

/// Returns the image of the existing schedule.
pub fn existing_image(observed: &[ObservedPart]) -> Option<&str> {
    existing_text(observed, IMAGE_PATH)
}

/// Returns the time zone of the existing schedule.
pub fn existing_time_zone(observed: &[ObservedPart]) -> Option<&str> {
    existing_text(observed, "/spec/timeZone")
}

fn existing_text<'a>(observed: &'a [ObservedPart], path: &str) -> Option<&'a str> {
    let mut found = observed.iter().filter_map(ObservedPart::found);
    found.find_map(|object| Untyped(object).str_at(path))
}

/// Returns true if `pods` or the `nodes` show that the image can be had: a container ran with it, or nodes store it. An image that
/// no registry has must be on every node.
pub fn is_proven(image: &str, pods: &[Value], nodes: &[Value]) -> bool {
    let full = full_name(image);
    let ran = |pod: &Value| {
        ["/status/containerStatuses", "/status/initContainerStatuses"]
            .into_iter()
            .flat_map(|path| Untyped(pod).items_at(path))
            .any(|status| {
                let is_same = status
                    .str_at("/image")
                    .is_some_and(|it| full_name(it) == full);
                is_same && status.str_at("/imageID").is_some_and(|id| !id.is_empty())
            })
    };
    let stores = |node: &Value| {
        let images = Untyped(node).items_at("/status/images");
        let mut names = images.flat_map(|image| {
            let names = image.at("/names").and_then(Value::as_array);
            names.into_iter().flatten().filter_map(Value::as_str)
        });
        names.any(|name| full_name(name) == full)
    };
    let is_local = full.starts_with("localhost/");
    pods.iter().any(ran)
        || if is_local {
            !nodes.is_empty() && nodes.iter().all(stores)
        } else {
            nodes.iter().any(stores)
        }
}

/// Returns an image name with registry and tag, as nodes report it.
fn full_name(image: &str) -> String {
    let (host, rest) = image.split_once('/').unwrap_or(("", image));
    let is_registry = host.contains(['.', ':']) || host == "localhost";
    let path = match (is_registry, host) {
        (true, _) => image.to_owned(),
        (false, "") => format!("docker.io/library/{rest}"),
        (false, _) => format!("docker.io/{image}"),
    };
    let last = path.rsplit('/').next().unwrap_or_default();
    match last.contains([':', '@']) {
        true => path,
        false => format!("{path}:latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_image_is_proven_by_a_container_that_ran_or_by_nodes_that_store_it() {
        let pod = |image: &str, id: &str| json!({"status": {"containerStatuses": [{"image": image, "imageID": id}]}});
        let node = |names: &[&str]| json!({"status": {"images": [{"names": names}]}});
        let proven = |image: &str, pods: &[Value], nodes: &[Value]| is_proven(image, pods, nodes);
        assert!(proven(
            "reg.example/own:1",
            &[pod("reg.example/own:1", "sha256:1")],
            &[]
        ));
        assert!(
            !proven("reg.example/own:1", &[pod("reg.example/own:1", "")], &[]),
            "never pulled"
        );
        assert!(!proven(
            "reg.example/own:1",
            &[pod("reg.example/own:2", "sha256:1")],
            &[]
        ));
        let hub = [node(&[
            "docker.io/library/own@sha256:1",
            "docker.io/library/own:latest",
        ])];
        assert!(proven("own", &[], &hub) && proven("library/own", &[], &hub));
        assert!(!proven("reg.example/own", &[], &hub));
        let local = "localhost/kubectl-session:1";
        assert!(proven(local, &[], &[node(&[local])]));
        assert!(
            !proven(local, &[], &[node(&[local]), node(&[])]),
            "not on every node"
        );
        assert!(!proven(local, &[], &[]));
    }
}
