//! Labels and annotations of the suite, and conversion of arbitrary text to label values and object names.

use sha2::{Digest, Sha256};

use crate::names::DNS_LABEL_MAX;

/// Value of [`MANAGED_BY`] on every object that the suite creates, and its field manager name.
pub const MANAGER: &str = "kubectl-session";
/// Kubernetes' standard label for the tool that manages an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Label: name of the session that an object belongs to.
pub const SESSION: &str = "streaming.platform/session";
/// Label: user id of the session's owner, converted by [`to_label_value`]. The annotation [`USER_ID`] has the original.
pub const USER: &str = "streaming.platform/user";
/// Label on the Namespace of a user: team of the user, converted by [`to_label_value`].
pub const TEAM: &str = "streaming.platform/team";
/// Label on the Pods of the primary workload, always `"true"`.
pub const PRIMARY: &str = "streaming.platform/primary";
/// Label on the Secret that holds a session's secret parameters, always `"true"`. The Secret is data and outlives the Session.
pub const PARAMETERS: &str = "streaming.platform/parameters";
/// Annotation: user id of the session's owner, unchanged.
pub const USER_ID: &str = "streaming.platform/user-id";
/// Annotation: random token of the command run that created an object. After a lost answer it shows whether the object found
/// is the one that this run sent.
pub const RUN: &str = "streaming.platform/run";
/// Annotation on kept data: RFC 3339 time at which its session was deleted.
pub const KEPT_SINCE: &str = "streaming.platform/kept-since";
/// Annotation: UID of the Session that an object belongs to. Needed because data has no ownerReference, and other objects
/// lose theirs when the Session is deleted with `--cascade=orphan`.
pub const SESSION_UID: &str = "streaming.platform/session-uid";
/// Annotation on data: name of the SessionTemplate it was created from. Kept claims are adopted only by a session of the same
/// template. On an object of `setup PART`, a label: the template of the documents that name it.
pub const TEMPLATE: &str = "streaming.platform/template";
/// Label on an object that `setup PART` made: the part.
pub const PART: &str = "streaming.platform/part";

/// Annotation on a VolumeSnapshot: name shared by the VolumeSnapshots of all claims of a session that were taken together.
pub const SNAPSHOT_SET: &str = "streaming.platform/snapshot";
/// Label on the VolumeSnapshots of a snapshot schedule and the Pods of every schedule: name of the session, or of the schedule if
/// that is for a selection. These Pods do not carry [`SESSION`], because the session's Services and NetworkPolicies must not
/// select them.
pub const SCHEDULE: &str = "streaming.platform/schedule";
/// Annotation on the objects of a schedule for several sessions: the flags that select them, such as `-l course=42`.
pub const SELECTION: &str = "streaming.platform/selection";
/// Annotation on a Session: RFC 3339 time to which it has been extended. A scheduled stop waits for it.
pub const EXTENDED_UNTIL: &str = "streaming.platform/extended-until";
/// Annotation on a VolumeSnapshot that a schedule took of a stopped session: time of the session's last start and UID of the
/// claim. As long as neither has changed, the claim's content is the same and no new snapshot is needed.
pub const AT_REST: &str = "streaming.platform/at-rest";
/// Annotation on a VolumeSnapshot: spec of the claim as JSON, from which restore recreates the claim.
pub const CLAIM: &str = "streaming.platform/claim";
/// Annotation on a VolumeSnapshot: spec of the Session as JSON, without spec.manifest, from which restore recreates the Session.
pub const SESSION_SPEC: &str = "streaming.platform/session-spec";

/// Annotation on a Session: name of the snapshot from which its claims are being restored. Removed when the claims exist;
/// until then the session cannot be started, because it would start without its data.
pub const COPYING: &str = "streaming.platform/copying";

/// Annotation on a Session: what its run has requested since each resize in place, as JSON. A resize writes the spec and not the
/// status; the next start or stop enters these into status.usage.
pub const RESIZED: &str = "streaming.platform/resized";
/// Annotation on a ResourceQuota: hours for which the sessions of each user may run, as JSON ({"alice":"40/week"}).
pub const SESSION_HOURS: &str = "streaming.platform/session-hours";

/// Annotation in a manifest: with the value `allowed`, an existing object of that name that does not belong to the session is
/// used. It is never changed or deleted.
pub const EXISTING: &str = "streaming.platform/existing";
/// Annotation on a HorizontalPodAutoscaler: its `minReplicas` as set by `resize`, which a start keeps.
pub const MIN_REPLICAS: &str = "streaming.platform/min-replicas";
/// Annotation on a Pod or Pod template: extended resource that the session's number of GPUs requests, if no container names one.
pub const GPU_RESOURCE: &str = "streaming.platform/gpu-resource";
/// Annotation on a Pod or Pod template: name of the volume that holds the user's data. If the session sets a storage size, the
/// volume is replaced by a PersistentVolumeClaim named by [`DATA_CLAIM`].
pub const DATA_VOLUME: &str = "streaming.platform/data-volume";
/// Annotation beside [`DATA_VOLUME`]: name of the PersistentVolumeClaim.
pub const DATA_CLAIM: &str = "streaming.platform/data-claim";
/// Annotation on a manifest's primary workload: connection methods as YAML or JSON, in the form of a SessionTemplate's spec.connect.
pub const CONNECT: &str = "streaming.platform/connect";
/// Annotation on a manifest's primary workload: sync hook as YAML or JSON, in the form of a SessionTemplate's spec.hooks.sync.
pub const SYNC: &str = "streaming.platform/sync";
/// Annotation on a manifest's primary workload, of a kind that is not built in: how it is stopped, started and found ready, as YAML or
/// JSON in the form of stop, start and ready of a SessionTemplate's spec.primary.
pub const WORKLOAD: &str = "streaming.platform/workload";
/// Annotation on a manifest's primary workload: lifetime as YAML or JSON, in the form of a SessionTemplate's spec.lifetime, or
/// a duration.
pub const LIFETIME: &str = "streaming.platform/lifetime";

/// Annotation on a Session: tells the controller to stop or delete it without the sync hook.
pub const SKIP_SYNC: &str = "streaming.platform/skip-sync";

/// Number of SHA-256 hex digits appended to a changed value, so that different originals give different results.
const HASH_DIGITS: usize = 8;

/// Beginning of a converted value where no character of the original is legal, as in most alphabets: an object name made of the
/// hash alone could begin with a digit, which Services refuse.
const HASH_PREFIX: &str = "u";

/// Converts `raw` to a label value: at most 63 bytes, alphanumeric at both ends. Characters outside `[A-Za-z0-9._-]` become
/// `-`. If anything changed, `-` and 8 hex digits of the SHA-256 of `raw` are appended; also if `raw` itself ends like that, so
/// that no two originals give the same value.
pub fn to_label_value(raw: &str) -> String {
    let legal = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    append_hash_if_changed(raw, raw.chars().map(legal).collect(), DNS_LABEL_MAX)
}

/// Converts `raw` to a part of an object name: lower case, at most 63 bytes, alphanumeric at both ends. Characters outside
/// `[a-z0-9]` become `-`. A hash is appended as in [`to_label_value`].
pub fn to_name_part(raw: &str) -> String {
    to_name_part_within(raw, DNS_LABEL_MAX)
}

/// As [`to_name_part`], with at most `limit` bytes; `limit` must be at least 10.
pub fn to_name_part_within(raw: &str, limit: usize) -> String {
    let legal = |c: char| {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            c
        } else {
            '-'
        }
    };
    append_hash_if_changed(raw, raw.chars().map(legal).collect(), limit)
}

fn append_hash_if_changed(raw: &str, legal: String, limit: usize) -> String {
    let trimmed = legal.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if trimmed == raw && raw.len() <= limit && !ends_with_hash(raw) {
        return legal;
    }
    let mut hash = String::new();
    for byte in Sha256::digest(raw.as_bytes()).iter().take(HASH_DIGITS / 2) {
        hash.push_str(&format!("{byte:02x}"));
    }
    let room = limit - HASH_DIGITS - 1;
    let head: String = trimmed.chars().take(room).collect();
    let head = head.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let head = if head.is_empty() { HASH_PREFIX } else { head };
    format!("{head}-{hash}")
}

/// Returns true for a text that ends like a converted value.
fn ends_with_hash(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.rsplit_once('-')
        .is_some_and(|(_, end)| end.len() == HASH_DIGITS && end.bytes().all(is_digit))
}

/// Longest list of names in a selector, in bytes of the encoded URL. Servers and proxies refuse URLs of 8 KiB.
const NAMES_MAX: usize = 4096;

/// Returns a label selector for the objects of the sessions called `names`. Without names, or if the names are too long for a
/// URL, it selects the objects of all sessions, so the caller must filter the result by name.
pub fn session_selector(names: &[&str]) -> String {
    // A comma takes three bytes in a URL.
    let length: usize = names.iter().map(|name| name.len() + 3).sum();
    if names.is_empty() || length > NAMES_MAX {
        return SESSION.to_owned();
    }
    format!("{SESSION} in ({})", names.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legal_value_stays_as_it_is() {
        assert_eq!(to_label_value("alice"), "alice");
        assert_eq!(to_label_value("Alice.B_c-1"), "Alice.B_c-1");
        assert_eq!(to_name_part("alice-1"), "alice-1");
    }

    #[test]
    fn a_changed_value_is_told_apart_by_a_hash() {
        let mail = to_label_value("alice@example.com");
        assert!(
            mail.starts_with("alice-example.com-") && mail.len() == "alice-example.com-".len() + 8,
            "{mail}"
        );
        assert_ne!(to_name_part("a@b"), to_name_part("a.b"));
        assert_ne!(to_name_part("Alice"), to_name_part("alice"));
    }

    #[test]
    fn an_id_that_looks_converted_is_converted_too() {
        for convert in [to_label_value, to_name_part] {
            let made = convert("a@b");
            assert!(made.starts_with("a-b-"), "{made}");
            assert_ne!(convert(&made), made);
            assert!(convert(&made).starts_with(&made), "{made}");
        }
        assert_eq!(to_label_value("a-deadbee"), "a-deadbee");
        assert_eq!(to_label_value("a-DEADBEEF"), "a-DEADBEEF");
        assert_ne!(to_name_part_within("a-deadbeef", 24), "a-deadbeef");
    }

    #[test]
    fn a_value_of_another_alphabet_begins_with_a_letter() {
        for raw in ["アリス", "алиса", "爱丽丝", "@"] {
            for made in [to_label_value(raw), to_name_part(raw)] {
                assert!(made.starts_with("u-") && made.len() == 10, "{made}");
            }
        }
        assert_ne!(to_label_value("アリス"), to_label_value("алиса"));
    }

    #[test]
    fn a_part_keeps_within_its_limit() {
        assert_eq!(to_name_part_within("alice", 10), "alice");
        let (one, other) = ("a".repeat(40), format!("{}b", "a".repeat(39)));
        let short = to_name_part_within(&one, 34);
        assert!(short.len() == 34 && short.starts_with("aaaa"), "{short}");
        assert_ne!(short, to_name_part_within(&other, 34));
    }

    #[test]
    fn a_selector_of_many_names_fits_into_an_address() {
        assert_eq!(session_selector(&[]), SESSION);
        assert_eq!(session_selector(&["a", "b"]), format!("{SESSION} in (a,b)"));
        let name = "x".repeat(63);
        assert!(session_selector(&[&*name; 60]).contains(&name));
        assert_eq!(session_selector(&[&*name; 70]), SESSION);
    }

    #[test]
    fn every_result_is_legal_and_short() {
        for raw in [
            "@",
            "-",
            "_a_",
            "ä@ö",
            &"x".repeat(200),
            &format!("{}@", "y".repeat(62)),
            "system:serviceaccount:a:b",
        ] {
            let name = to_name_part(raw);
            assert!(
                crate::names::check_dns_label(&name).is_ok(),
                "{raw:?} -> {name:?}"
            );
            let label = to_label_value(raw);
            assert!(
                label.len() <= 63 && label.starts_with(|c: char| c.is_ascii_alphanumeric()),
                "{raw:?} -> {label:?}"
            );
            assert!(
                label.ends_with(|c: char| c.is_ascii_alphanumeric()),
                "{raw:?} -> {label:?}"
            );
        }
    }
}
