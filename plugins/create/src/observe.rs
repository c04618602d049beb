//! What `create` asks the cluster before it writes: everything that can be asked at once, at once.

use anyhow::{Context, Result};
use session_shared::Timestamp;
use session_shared::api::SessionTemplate;
use session_shared::cluster::live::typed;
use session_shared::cluster::{Cluster, Place, Selection, random_token};
use session_shared::diagnosis::classes;
use session_shared::failure::{self, Hint, Kind, hinted};
use session_shared::names::NamespaceName;
use session_shared::objects::ResourceType;
use session_shared::objects::resource::{
    INGRESS_CLASS, RESOURCE_QUOTA, SESSION_TEMPLATE, STORAGE_CLASS,
};
use session_shared::progress::{Event, Sink};

use crate::intent::{Body, Driver, Intent};
use crate::plan::{Checked, Observed, Subject};

/// Reads owner, template and the presence of a controller, all at once.
///
/// # Errors
/// When the template is not there, the API is not installed, or the server does not say who the caller is.
pub(crate) async fn observe(
    cluster: &Cluster,
    intent: &Intent,
    now: Timestamp,
) -> Result<(Observed, bool)> {
    let namespace: NamespaceName = namespace(cluster, intent)?.parse()?;
    let identity = async {
        match &intent.user_id {
            Some(owner) => Ok(owner.clone()),
            None => cluster
                .identity()
                .await?
                .username
                .parse()
                .context("the API server's name for you cannot own a session"),
        }
    };
    let controller = async {
        match intent.driver {
            Driver::Auto => cluster.controller_alive(namespace.as_str()).await,
            Driver::Client => Ok(false),
            Driver::Controller => Ok(true),
        }
    };
    let (owner, template, alive) =
        futures::try_join!(identity, template(cluster, intent), controller)?;
    let run = random_token()?;
    Ok((
        Observed {
            owner,
            namespace,
            template,
            now,
            run,
        },
        alive,
    ))
}

fn namespace(cluster: &Cluster, intent: &Intent) -> Result<String> {
    let current = cluster.namespace();
    match &intent.namespace {
        Some(named) if named != current => Err(anyhow::anyhow!(
            "the namespace from the provided object {named:?} does not match the namespace {current:?}. You must pass \
             '--namespace={named}' to perform this operation."
        )),
        _ => Ok(current.to_owned()),
    }
}

async fn template(cluster: &Cluster, intent: &Intent) -> Result<Option<SessionTemplate>> {
    let Body::Template(name) = &intent.body else {
        return Ok(None);
    };
    match cluster.get(&SESSION_TEMPLATE, "", name.as_str()).await {
        Ok(Some(found)) => typed(found).map(Some),
        Ok(None) => {
            let missing = session_shared::cluster::live::missing(&SESSION_TEMPLATE, name.as_str());
            Err(hinted(missing, known_templates(cluster).await))
        }
        Err(error) if failure::is(&error, Kind::NoSuchResource) => {
            Err(error).hint("install the API first: kubectl session setup")
        }
        Err(error) => Err(error),
    }
}

async fn known_templates(cluster: &Cluster) -> String {
    let found = cluster
        .list_metadata(&SESSION_TEMPLATE, Place::Cluster, &Selection::default())
        .await;
    let items = found.map(|list| list.items).unwrap_or_default();
    let name = |item: &serde_json::Value| {
        item.pointer("/metadata/name")
            .and_then(|name| name.as_str())
            .map(str::to_owned)
    };
    let names: Vec<String> = items.iter().filter_map(name).collect();
    match names.as_slice() {
        [] => {
            "there are no templates: install the built-in ones with kubectl session setup templates"
                .into()
        }
        names => format!("the templates are {}", names.join(", ")),
    }
}

/// Looks up what the rendering concerns: one LIST a kind, all at once. A right that the caller lacks is no reason to refuse:
/// the check is left out, and named.
///
/// # Errors
/// Whatever else the server refuses.
pub(crate) async fn check(
    cluster: &Cluster,
    subject: &Subject,
    sink: &mut dyn Sink,
) -> Result<Checked> {
    let objects = &subject.rendered.rendering.objects;
    let namespace = subject.belonging.namespace.as_str();
    let (storage, ingress) = (
        classes::storage_classes(objects),
        classes::ingress_classes(objects),
    );
    let (quotas, storage, ingress) = futures::try_join!(
        look_up(cluster, &RESOURCE_QUOTA, Place::Namespace(namespace), true),
        look_up(cluster, &STORAGE_CLASS, Place::Cluster, !storage.is_empty()),
        look_up(cluster, &INGRESS_CLASS, Place::Cluster, !ingress.is_empty()),
    )?;
    for (found, kind) in [
        (&quotas, "quotas"),
        (&storage, "StorageClasses"),
        (&ingress, "IngressClasses"),
    ] {
        if matches!(found, LookedUp::Forbidden) {
            sink.tell(Event::Note(format!(
                "{kind} are not checked: you may not list them"
            )));
        }
    }
    Ok(Checked {
        quotas: quotas.found(),
        storage_classes: storage.found(),
        ingress_classes: ingress.found(),
    })
}

enum LookedUp {
    Found(Vec<serde_json::Value>),
    Forbidden,
    NotConcerned,
}

impl LookedUp {
    fn found(self) -> Option<Vec<serde_json::Value>> {
        match self {
            LookedUp::Found(items) => Some(items),
            _ => None,
        }
    }
}

async fn look_up(
    cluster: &Cluster,
    kind: &ResourceType,
    place: Place<'_>,
    concerned: bool,
) -> Result<LookedUp> {
    if !concerned {
        return Ok(LookedUp::NotConcerned);
    }
    // The server judges anyway: a check need not wait for the newest state.
    let at_hand = Selection {
        at_hand: true,
        ..Selection::default()
    };
    match cluster.list(kind, place, &at_hand).await {
        Ok(list) => Ok(LookedUp::Found(list.items)),
        Err(error) if failure::is(&error, Kind::Forbidden) => Ok(LookedUp::Forbidden),
        Err(error) => Err(error),
    }
}
