//! Applies an object over what an earlier start left of it.

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use crate::Cluster;
use crate::execute::Carrying;
use session_client::Permissions;
use session_engine::plan::{Done, Propagation};
use session_model::api::ObjectRef;
use session_model::failure::{self, Failure, Kind};
use session_model::objects::ResourceType;
use session_model::objects::access::Access;
use session_model::objects::resource::text;
use session_model::progress::Event;
use session_template::encode_string_data;

/// How often an object is read again that somebody writes at the same time, as controllers write a status.
const ATTEMPTS: usize = 5;

impl Cluster {
    /// Server-side apply of `object` in place of `found`, by its UID. What the server does not let be changed is taken away and
    /// POSTed anew.
    ///
    /// # Errors
    /// What the server refuses.
    pub(super) async fn apply_over(
        &self,
        object: &Value,
        found: &Value,
        with: &Carrying<'_>,
        tell: &UnboundedSender<Event>,
    ) -> Result<Done> {
        let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
        let resource = self.discover(text(object, "/apiVersion"), kind).await?;
        let resource = resource.with_context(|| format!("the server has no kind {kind:?}"))?;
        let namespace = with.belonging.namespace.as_str();
        let uid = text(found, "/metadata/uid");
        if !self.adopt(&resource, namespace, found, with).await? {
            // Gone, or another's by now: its POST tells.
            return self.make(object, false, with, tell).await;
        }
        let mut whole = object.clone();
        // A Secret's stringData is written and never read: only fields that can be read can be owned, and so removed.
        encode_string_data(&mut whole);
        whole["metadata"]["uid"] = uid.into();
        let applied = self
            .apply(&resource, namespace, name, &whole, &with.write)
            .await;
        match applied {
            Ok(applied) => Ok(Done::Applied(applied)),
            Err(error) if !is_immutable(&error) => Err(error),
            Err(_) if with.write.dry_run => Ok(Done::Applied(found.clone())),
            Err(_) => {
                let target = ObjectRef::of(found);
                // It must not go that may not be made anew.
                let needs = [
                    Access::to("delete", &resource, name),
                    Access::to("create", &resource, ""),
                ];
                Permissions::of(self).require(namespace, &needs).await?;
                let background = Propagation::Background;
                self.take_away(&resource, namespace, &target, background, &with.write)
                    .await?;
                let targets = std::slice::from_ref(&target);
                let gone = self.await_gone_within(with.limit, &resource, namespace, targets, tell);
                with.interrupt.race(gone).await?;
                self.make(object, false, with, tell).await
            }
        }
    }

    /// Makes what we wrote into `found` so far ours by apply; false if it is not there any more.
    async fn adopt(
        &self,
        resource: &ResourceType,
        namespace: &str,
        found: &Value,
        with: &Carrying<'_>,
    ) -> Result<bool> {
        let name = text(found, "/metadata/name");
        let mut current = found.clone();
        for _ in 1..ATTEMPTS {
            let adopted = self
                .adopt_fields(resource, namespace, name, &current, &with.write)
                .await;
            match adopted {
                Ok(_) => return Ok(true),
                Err(error) if failure::is(&error, Kind::NotFound) => return Ok(false),
                Err(error) if failure::is(&error, Kind::Conflict) => {}
                Err(error) => return Err(error),
            }
            let read = self.get(resource, namespace, name).await?;
            let same = |now: &Value| text(now, "/metadata/uid") == text(found, "/metadata/uid");
            match read.filter(same) {
                Some(now) => current = now,
                None => return Ok(false),
            }
        }
        self.adopt_fields(resource, namespace, name, &current, &with.write)
            .await
            .map(|_| true)
    }
}

/// True where the server refuses a change because a field keeps the value that it was made with.
fn is_immutable(error: &anyhow::Error) -> bool {
    let says = |failure: &Failure| {
        // StatefulSets have a wording of their own.
        ["immutable", "updates to statefulset spec"]
            .iter()
            .any(|words| failure.message.contains(words))
    };
    failure::of(error).is_some_and(|failure| failure.kind == Kind::Invalid && says(failure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_change_is_taken_for_immutable() {
        let failed = |kind, message: &str| anyhow::Error::new(Failure::local(kind, message));
        let set = "StatefulSet.apps \"w\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than \
            'replicas' are forbidden";
        assert!(is_immutable(&failed(Kind::Invalid, set)));
        let selector =
            "Deployment.apps \"w\" is invalid: spec.selector: Invalid value: x: field is immutable";
        assert!(is_immutable(&failed(Kind::Invalid, selector)));
        assert!(!is_immutable(&failed(Kind::Forbidden, "immutable")));
        let port = "Service \"s\" is invalid: spec.ports[0].port: Invalid value: 0";
        assert!(!is_immutable(&failed(Kind::Invalid, port)));
    }
}
