//! Scene: sessions to clean up, and the observed requests and objects.

use kubectl_session_cleanup::Cleanup;
use serde_json::{Value, json};
use session_support::session_fixture::SESSIONS;
use session_support::{Execution, FakeApi, SessionFixture};

use crate::play::{Play, Played};

const START: &str = "2026-03-01T08:00:00Z";

/// A running session with its Pod and optionally a claim.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    /// Expiry in RFC 3339; empty for none.
    pub expires: &'a str,
    pub on_expiry: &'a str,
    pub policy: &'a str,
    pub claim: bool,
    pub sync: bool,
}

impl Default for Session<'_> {
    fn default() -> Self {
        Self {
            name: "alice",
            namespace: "default",
            expires: "2026-03-01T10:00:00Z",
            on_expiry: "stop",
            policy: "keep",
            claim: true,
            sync: false,
        }
    }
}

impl Session<'_> {
    /// Writes the session and its objects; returns the Session.
    pub fn put(&self, api: &FakeApi) -> Value {
        let mut fixture = self.fixture();
        if self.sync {
            fixture = fixture.sync();
        }
        if self.claim {
            fixture = fixture.home();
        }
        if !self.expires.is_empty() {
            fixture = fixture.status(json!({"expiresAt": self.expires}));
        }
        let session = fixture.put(api);
        if self.claim {
            api.put(self.claim_of(&format!("home-{}", self.name)));
        }
        session
    }

    pub fn metadata(&self, name: &str) -> Value {
        self.fixture().metadata(name)
    }

    /// A bound claim whose volume is larger than what was requested.
    pub fn claim_of(&self, claim: &str) -> Value {
        let mut claim = self.fixture().claim_object(claim);
        claim["status"]["capacity"]["storage"] = "2Gi".into();
        claim
    }

    fn fixture(&self) -> SessionFixture {
        SessionFixture::running(self.name)
            .namespace(self.namespace)
            .user(&format!("{}@example.com", self.name))
            .service()
            .pod_fields(json!({"spec": {"nodeName": "n1"}}))
            .status(json!({"dataPolicy": self.policy, "startTime": START, "startRequest": START}))
            .session_fields(json!({"spec": {"startRequest": START}}))
            .applied(json!({"onExpiry": self.on_expiry}))
    }
}

/// Four expired sessions in two namespaces, and one that is not expired.
pub fn class() -> FakeApi {
    let api = FakeApi::stateful();
    api.execute("sync-home", Execution::default());
    Session {
        sync: true,
        ..Session::default()
    }
    .put(&api);
    Session {
        name: "bob",
        expires: "2026-03-01T09:00:00Z",
        on_expiry: "delete",
        ..Session::default()
    }
    .put(&api);
    Session {
        name: "carol",
        expires: "2026-03-01T11:50:00Z",
        on_expiry: "delete",
        policy: "delete",
        ..Session::default()
    }
    .put(&api);
    Session {
        name: "dora",
        namespace: "other",
        claim: false,
        ..Session::default()
    }
    .put(&api);
    Session {
        name: "erin",
        expires: "2026-03-01T12:00:01Z",
        ..Session::default()
    }
    .put(&api);
    api
}

pub fn cleanup(api: &FakeApi, words: &str) -> Played {
    Play::on(api).run::<Cleanup>(words)
}

/// Writes in order: verb, object and subresource.
pub fn written(api: &FakeApi) -> Vec<String> {
    let path = |path: &str| {
        path.rsplit("/namespaces/")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let writes = api.writes().into_iter();
    writes
        .map(|write| format!("{} {}", write.method, path(&write.path)))
        .collect()
}

/// Names of all objects, as `resource/namespace/name`.
pub fn left(api: &FakeApi) -> Vec<String> {
    let kinds = [
        SESSIONS,
        "pods",
        "services",
        "persistentvolumeclaims",
        "secrets",
        "configmaps",
    ];
    let named = |kind: &str| -> Vec<String> {
        let name = |object: Value| {
            let text = |field: &str| object["metadata"][field].as_str().unwrap().to_owned();
            format!("{kind}/{}/{}", text("namespace"), text("name"))
        };
        api.objects(kind).into_iter().map(name).collect()
    };
    kinds.iter().flat_map(|kind| named(kind)).collect()
}
