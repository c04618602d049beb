//! The events of a port-forward to report to the user.

/// An event of a port-forward to report to the user. Texts have no newline at the end and may come from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForwardEvent {
    /// A local connection was accepted.
    Accepted {
        /// The local port.
        local: u16,
    },
    /// A connection to a port of the Pod could not be opened or was lost; others continue.
    StreamFailed {
        /// The port of the Pod.
        port: u16,
        /// Reason, in the server's words or ours.
        message: String,
    },
    /// The connection to the Pod was lost and is being restored. Reported once per loss.
    Disconnected {
        /// Reason.
        why: String,
    },
    /// The connection was restored.
    Reconnected {
        /// Name of the Pod.
        pod: String,
    },
    /// The server does not support the protocol; the older one is used.
    Fallback {
        /// The server's reaction to the newer protocol.
        why: String,
    },
}
