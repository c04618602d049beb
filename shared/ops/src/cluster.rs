//! The cluster as the operations see it: the client, and what this user knows about the sessions there.

use std::ops::Deref;
use std::sync::Arc;

use anyhow::Result;
use jiff::Timestamp;
use session_client::{ConnectOptions, UserAgent};
use session_model::local_state::{self, KnownSessions};
use tokio::sync::OnceCell;

/// A cluster with sessions, as one user sees it. Everything that the client can do can be done with it, too. Cheap to clone: all
/// clones share one connection and one knowledge.
#[derive(Clone)]
pub struct Cluster {
    client: session_client::Cluster,
    known_sessions: Arc<KnownSessions>,
    /// Time from which the admission policy of the API is in force; read once.
    pub(crate) admission_policy_since: Arc<OnceCell<Option<Timestamp>>>,
    /// User name of the caller; read once.
    caller: Arc<OnceCell<String>>,
}

impl Cluster {
    /// Finds the cluster as kubectl does, and runs the user's credential plugin. Sends nothing yet.
    ///
    /// # Errors
    /// Those of [`session_client::Cluster::connect`].
    pub async fn connect(options: &ConnectOptions, agent: UserAgent) -> Result<Self> {
        let client = session_client::Cluster::connect(options, agent).await?;
        let known = KnownSessions::new(local_state::state_folder(), client.server());
        Ok(Self {
            known_sessions: Arc::new(known),
            ..Self::from(client)
        })
    }

    /// Returns the caller's user name according to the API server. Read once per process.
    ///
    /// # Errors
    /// Those of [`session_client::Cluster::get_caller_identity`].
    pub(crate) async fn caller_name(&self) -> Result<&str> {
        let ask = || async { anyhow::Ok(self.get_caller_identity().await?.username) };
        Ok(self.caller.get_or_try_init(ask).await?)
    }

    /// Returns the texts that this user has stored in the server's sessions from this machine.
    pub fn known_sessions(&self) -> &KnownSessions {
        &self.known_sessions
    }
}

/// A cluster about whose sessions this user knows nothing yet.
impl From<session_client::Cluster> for Cluster {
    fn from(client: session_client::Cluster) -> Self {
        Self {
            client,
            known_sessions: Arc::default(),
            admission_policy_since: Arc::default(),
            caller: Arc::default(),
        }
    }
}

impl Deref for Cluster {
    type Target = session_client::Cluster;

    fn deref(&self) -> &Self::Target {
        &self.client
    }
}
