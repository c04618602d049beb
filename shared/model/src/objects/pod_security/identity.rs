//! What a Pod may do with the API server: no part of the standards, which look at the node alone.

use super::baseline::is_among;
use super::pod::{Found, PodTemplate};

pub(super) fn service_account(pod: &PodTemplate<'_>, found: &mut Found) {
    // The second name is the first one's old spelling, which servers still read.
    for field in ["serviceAccountName", "serviceAccount"] {
        found.unless(&pod.pod(), field, |value| is_among(value, &["", "default"]));
    }
}

pub(super) fn projected_tokens(pod: &PodTemplate<'_>, found: &mut Found) {
    for volume in pod.volumes() {
        for source in volume.items("projected.sources") {
            if source.field("serviceAccountToken").is_some() {
                let what = format!("volume {:?} projects a serviceAccountToken", volume.name());
                found.part(&source, what);
            }
        }
    }
}
