//! The container whose log is followed.

/// A container of a Pod, by names and the Pod's UID.
#[derive(Clone, Debug)]
pub(super) struct LogTarget {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) uid: String,
    pub(super) container: String,
}
