//! The sessions that a command line chose.

use anyhow::{Result, bail};
use futures::StreamExt;
use serde_json::Value;

use crate::Cluster;
use crate::live::installed;
use session_client::Place;
use session_client::Selection;
use session_client::missing;
use session_client::typed;
use session_model::api::Session;
use session_model::names::SessionName;
use session_model::objects::resource::SESSION;

/// Sessions that one command works on at the same time: a class of sixty ends within a minute, and no API server minds.
pub const AT_ONCE: usize = 16;

/// Which sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// These, each once.
    Named(Vec<SessionName>),
    /// What the selector finds; an empty one finds all.
    Selected(String),
}

/// A session as the server has it.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The session.
    pub session: Session,
    /// The same with every field.
    pub object: Value,
}

impl Cluster {
    /// The sessions that `which` means, in its order; one that was named and does not exist is an error in its place.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn chosen(&self, namespace: &str, which: &Which) -> Result<Vec<Result<Chosen>>> {
        match which {
            Which::Selected(selector) => {
                let select = Selection::labelled(selector.clone());
                let place = Place::Namespace(namespace);
                let list = installed(self.list(&SESSION, place, &select).await)?;
                list.items
                    .into_iter()
                    .map(|item| Chosen::of(item).map(Ok))
                    .collect()
            }
            Which::Named(names) => {
                let reads = futures::stream::iter(names).map(|name| async move {
                    match installed(self.get(&SESSION, namespace, name.as_str()).await)? {
                        Some(found) => Chosen::of(found).map(Ok),
                        None => Ok(Err(missing(&SESSION, name.as_str()))),
                    }
                });
                let found: Vec<Result<Result<Chosen>>> = reads.buffered(AT_ONCE).collect().await;
                found.into_iter().collect()
            }
        }
    }
}

impl Chosen {
    /// A session as the server returned it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(object: Value) -> Result<Self> {
        let session = typed(object.clone())?;
        Ok(Self { session, object })
    }

    /// Refuses one that is going.
    ///
    /// # Errors
    /// When it is being deleted.
    pub fn stays(&self) -> Result<()> {
        let metadata = &self.session.metadata;
        if metadata.deletion_timestamp.is_some() {
            let name = metadata.name.as_deref().unwrap_or_default();
            bail!("session {name:?} is being deleted");
        }
        Ok(())
    }
}
