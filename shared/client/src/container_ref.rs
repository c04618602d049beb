//! The name of a container.

/// A container, identified by namespace, Pod and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRef {
    /// Namespace of the Pod.
    pub namespace: String,
    /// Name of the Pod.
    pub pod: String,
    /// Name of the container; if empty, the server chooses it.
    pub container: String,
}

impl ContainerRef {
    /// Returns `container "C" of pod "P"`, for messages.
    pub fn display_name(&self) -> String {
        format!("container {:?} of pod {:?}", self.container, self.pod)
    }
}
