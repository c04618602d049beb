//! The labels and annotations that are ours, and how a raw value becomes legal for a label or a name.

use sha2::{Digest, Sha256};

use crate::names::LABEL_MAX;

/// Value of [`MANAGED_BY`] on everything the suite makes, and the field manager of everything it writes.
pub const MANAGER: &str = "kubectl-session";
/// Kubernetes' standard label for the tool that manages an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Label: name of the session an object belongs to.
pub const SESSION: &str = "streaming.platform/session";
/// Label: the owner, made legal by [`label_value`]; the raw id is in [`USER_ID`].
pub const USER: &str = "streaming.platform/user";
/// Label on the Pods of the primary workload, always `"true"`.
pub const PRIMARY: &str = "streaming.platform/primary";
/// Label on the Secret of secret parameters, always `"true"`: it is data and outlives the Session.
pub const PARAMETERS: &str = "streaming.platform/parameters";
/// Annotation: the owner as the organisation writes it.
pub const USER_ID: &str = "streaming.platform/user-id";
/// Annotation: random token of the run that made an object; tells a lost answer from somebody else's object.
pub const RUN: &str = "streaming.platform/run";
/// Annotation on kept data: RFC 3339 time of the delete that kept it.
pub const KEPT_SINCE: &str = "streaming.platform/kept-since";
/// Annotation: UID of the Session an object belongs to. Data has no ownerReference that could tell, and an object loses its own
/// when its Session is deleted with `--cascade=orphan`.
pub const SESSION_UID: &str = "streaming.platform/session-uid";
/// Annotation on data: name of the template that made it; kept claims are taken up only by the same one.
pub const TEMPLATE: &str = "streaming.platform/template";

/// Annotation on a VolumeSnapshot: name that it shares with those of the session's other claims, taken together.
pub const SNAPSHOT_SET: &str = "streaming.platform/snapshot";
/// Label on what a snapshot schedule makes, VolumeSnapshots and the Pods that take them: name of the session. Those Pods do not
/// carry [`SESSION`]: they are none of the session's, and its Services and NetworkPolicies must not select them.
pub const SCHEDULE: &str = "streaming.platform/schedule";
/// Annotation on a VolumeSnapshot that a schedule took of a stopped session: time of its last start, and UID of the claim. While
/// both are the same, the claim holds the same.
pub const AT_REST: &str = "streaming.platform/at-rest";
/// Annotation on a VolumeSnapshot: spec of the claim it was taken of, as JSON, so that the claim can be made again.
pub const CLAIM: &str = "streaming.platform/claim";
/// Annotation on a VolumeSnapshot: spec of the Session it was taken of, as JSON, so that it can be made again. No manifest.
pub const SESSION_SPEC: &str = "streaming.platform/session-spec";

/// Annotation on a Session: name of the snapshot that its claims are being made of. It goes when they are there; until then the
/// session cannot be started, or it would start without its data.
pub const COPYING: &str = "streaming.platform/copying";

/// Annotation in a manifest: `allowed` lets an object of that name that is not ours be used, never changed or deleted.
pub const EXISTING: &str = "streaming.platform/existing";
/// Annotation on a Pod or Pod template: name of the volume that holds the user's data. With a storage size it becomes a
/// claim, named by [`DATA_CLAIM`].
pub const DATA_VOLUME: &str = "streaming.platform/data-volume";
/// Annotation beside [`DATA_VOLUME`]: name of the claim.
pub const DATA_CLAIM: &str = "streaming.platform/data-claim";
/// Annotation on a manifest's primary workload: connect methods, YAML or JSON as spec.connect of a SessionTemplate.
pub const CONNECT: &str = "streaming.platform/connect";
/// Annotation on a manifest's primary workload: the sync hook, YAML or JSON as spec.hooks.sync.
pub const SYNC: &str = "streaming.platform/sync";
/// Annotation on a manifest's primary workload: the lifetime, YAML or JSON as spec.lifetime, or just a duration.
pub const LIFETIME: &str = "streaming.platform/lifetime";

/// Annotation on a Session: its controller goes on without the sync hook.
pub const SKIP_SYNC: &str = "streaming.platform/skip-sync";

/// Hex digits of SHA-256 that follow a value which had to be changed, so that two raw values stay two.
const HASH_DIGITS: usize = 8;

/// Makes `raw` a legal label value: other than `[A-Za-z0-9._-]` becomes `-`; if anything changed, `-` and 8 hex digits of
/// the raw value's SHA-256 follow. At most 63 bytes, alphanumeric at both ends (requirements, decision 37).
pub fn label_value(raw: &str) -> String {
    let legal = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    distinct(raw, raw.chars().map(legal).collect(), LABEL_MAX)
}

/// Makes `raw` a legal part of an object name: lower case, other than `[a-z0-9]` becomes `-`; if anything changed, `-` and
/// 8 hex digits of the raw value's SHA-256 follow. At most 63 bytes, alphanumeric at both ends (requirements, decision 37).
pub fn name_part(raw: &str) -> String {
    name_part_within(raw, LABEL_MAX)
}

/// As [`name_part`], in at most `limit` bytes, which must be 10 or more.
pub fn name_part_within(raw: &str, limit: usize) -> String {
    let legal = |c: char| {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            c
        } else {
            '-'
        }
    };
    distinct(raw, raw.chars().map(legal).collect(), limit)
}

fn distinct(raw: &str, legal: String, limit: usize) -> String {
    let trimmed = legal.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if trimmed == raw && raw.len() <= limit {
        return legal;
    }
    let mut hash = String::new();
    for byte in Sha256::digest(raw.as_bytes()).iter().take(HASH_DIGITS / 2) {
        hash.push_str(&format!("{byte:02x}"));
    }
    let room = limit - HASH_DIGITS - 1;
    let head: String = trimmed.chars().take(room).collect();
    let head = head.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    if head.is_empty() {
        hash
    } else {
        format!("{head}-{hash}")
    }
}

/// Bytes of names that a selector may hold, as they are encoded in an address. Servers and proxies refuse addresses of 8 KiB.
const NAMES_MAX: usize = 4096;

/// Selects what carries the [`SESSION`] label of one of `names`. Where those are too many for an address it selects what
/// carries the label at all, as without names: whoever asks must look at it again.
pub fn session_selector(names: &[&str]) -> String {
    // A comma takes three bytes.
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
        assert_eq!(label_value("alice"), "alice");
        assert_eq!(label_value("Alice.B_c-1"), "Alice.B_c-1");
        assert_eq!(name_part("alice-1"), "alice-1");
    }

    #[test]
    fn a_changed_value_is_told_apart_by_a_hash() {
        let mail = label_value("alice@example.com");
        assert!(
            mail.starts_with("alice-example.com-") && mail.len() == "alice-example.com-".len() + 8,
            "{mail}"
        );
        assert_ne!(name_part("a@b"), name_part("a.b"));
        assert_ne!(name_part("Alice"), name_part("alice"));
    }

    #[test]
    fn a_part_keeps_within_its_limit() {
        assert_eq!(name_part_within("alice", 10), "alice");
        let (one, other) = ("a".repeat(40), format!("{}b", "a".repeat(39)));
        let short = name_part_within(&one, 34);
        assert!(short.len() == 34 && short.starts_with("aaaa"), "{short}");
        assert_ne!(short, name_part_within(&other, 34));
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
            let name = name_part(raw);
            assert!(
                crate::names::check_label(&name).is_ok(),
                "{raw:?} -> {name:?}"
            );
            let label = label_value(raw);
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
