//! Images that do not come: not on the node, misnamed, refused, absent, out of reach.

use anyhow::Result;

use super::{create, registry, says, says_at_the_end};
use crate::world::World;
use crate::{Live, kubelet};

pub(super) fn tests() -> Vec<Live> {
    vec![kubelet("diagnosis_of_images", images)]
}

fn images() -> Result<()> {
    let world = World::installed("diag-image")?;
    let registry = registry::start()?;
    let image = |name: &str, policy: &str| {
        format!("containers: [{{name: main, image: \"{name}\", imagePullPolicy: {policy}}}]")
    };
    says(
        create(
            &world,
            "never",
            "60s",
            &image("localhost/no-such:1", "Never"),
        ),
        &[
            "error: session \"never\" did not become ready: container \"main\" of pod \"never\": image \"localhost/no-such:1\" is not on node \"localhost\", and its pull policy is Never\n",
            "  container \"main\": waiting: ErrImageNeverPull: ",
            "hint: load the image onto the node, or change imagePullPolicy",
        ],
    )?;
    says(
        create(
            &world,
            "invalid",
            "60s",
            &image("localhost/UPPER:1", "IfNotPresent"),
        ),
        &[
            "container \"main\" of pod \"invalid\": image name \"localhost/UPPER:1\" is not valid",
            "  container \"main\": waiting: InvalidImageName",
        ],
    )?;
    says(
        create(
            &world,
            "login",
            "60s",
            &image(&format!("{registry}/private/x:1"), "Always"),
        ),
        &[
            &format!(
                "registry \"{registry}\" denies access to image \"{registry}/private/x:1\" without credentials, or does not have the image"
            ),
            "  container \"main\": waiting: ErrImagePull: ",
            "hint: add a Secret with registry credentials to imagePullSecrets",
        ],
    )?;
    says(
        create(
            &world,
            "absent",
            "60s",
            &image(&format!("{registry}/x:1"), "Always"),
        ),
        &[
            &format!("registry \"{registry}\" does not have image \"{registry}/x:1\""),
            "not found",
            "hint: check the image's name and tag",
        ],
    )?;
    // Nobody listens there: a registry that is restarted comes back, so it is waited for.
    says_at_the_end(
        &world,
        "away",
        3,
        &image("127.0.0.1:1/x:1", "Always"),
        &[
            "timed out",
            "  container \"main\" of pod \"away\": registry \"127.0.0.1:1\" of image \"127.0.0.1:1/x:1\" cannot be reached from the node",
            "connection refused",
        ],
    )
}
