//! Claims with owners: the garbage collector deletes them with the object of the session that they belong to, under every data
//! policy. The suite makes none; controllers of custom workloads do, as agent-sandbox's for a Sandbox with claim templates.

use std::fmt;

use serde_json::Value;

use session_model::api::Session;
use session_model::objects::Untyped;
use session_model::objects::resource::PERSISTENT_VOLUME_CLAIM;

/// A claim whose chain of owners begins at the Session or at an object of its last start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedClaim {
    /// Name of the claim.
    pub name: String,
    /// Kind and name of its owner, as messages show them.
    owner: String,
    /// UIDs of all objects above it.
    chain: Vec<String>,
}

impl fmt::Display for OwnedClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = PERSISTENT_VOLUME_CLAIM.singular();
        write!(f, "{kind}/{} (deleted with {})", self.name, self.owner)
    }
}

impl OwnedClaim {
    /// Returns true for the claim of a Pod's ephemeral volume, which ends with the Pod as an emptyDir does.
    pub fn is_of_pod(claim: &Value) -> bool {
        Untyped(claim).owners().any(|owner| owner.kind == "Pod")
    }

    /// Finds the claims of `session`; `owners` are the objects that may stand between a claim and the Session.
    pub fn find_all(claims: &[Value], owners: &[Value], session: &Session) -> Vec<Self> {
        let applied = session.applied().into_iter();
        let made = applied.flat_map(|applied| &applied.objects);
        let mut own: Vec<&str> = made.map(|object| object.uid.as_str()).collect();
        own.extend(session.uid());
        let of_session = |claim: &Self| claim.is_below(&own);
        let claims = claims.iter().filter(|claim| !Self::is_of_pod(claim));
        let all = claims.filter_map(|claim| Self::read(claim, owners));
        all.filter(of_session).collect()
    }

    /// Returns true if one of the objects above the claim is among those with these UIDs.
    pub(super) fn is_below(&self, uids: &[&str]) -> bool {
        self.chain.iter().any(|uid| uids.contains(&&**uid))
    }

    fn read(claim: &Value, owners: &[Value]) -> Option<Self> {
        let owner = Untyped(claim).owners().next()?;
        let owner = format!("{}/{}", owner.kind.to_lowercase(), owner.name);
        let mut chain: Vec<String> = owner_uids(claim).collect();
        let mut next = 0;
        while let Some(uid) = chain.get(next) {
            let links = owners.iter().filter(|object| Untyped(object).has_uid(uid));
            let mut above: Vec<String> = links.flat_map(owner_uids).collect();
            // Forged owners may form a ring.
            above.retain(|uid| !chain.contains(uid));
            chain.extend(above);
            next += 1;
        }
        Some(Self {
            name: Untyped(claim).name().to_owned(),
            owner,
            chain,
        })
    }
}

fn owner_uids(object: &Value) -> impl Iterator<Item = String> {
    Untyped(object).owners().map(|owner| owner.uid.to_owned())
}
