//! Checks of a Pod's access to the API server. They are not part of the standards, which protect only the node.

use super::baseline::is_one_of;
use super::pod_template::{FieldViolations, PodTemplate};

pub(super) fn service_account(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    // `serviceAccount` is the deprecated name of the field, which servers still read.
    for field in ["serviceAccountName", "serviceAccount"] {
        found.report_unless(&pod.spec_part(), field, |value| {
            is_one_of(value, &["", "default"])
        });
    }
}

pub(super) fn projected_tokens(pod: &PodTemplate<'_>, found: &mut FieldViolations) {
    for volume in pod.volumes() {
        for source in volume.items("projected.sources") {
            if source.field("serviceAccountToken").is_some() {
                let what = format!("volume {:?} projects a serviceAccountToken", volume.name());
                found.report_part(&source, what);
            }
        }
    }
}
