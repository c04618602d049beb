//! One session with its objects, as `create` leaves them and a server returns them.
//!
//! ```text
//! SessionFixture ─► put(&FakeApi) ─► Session, Pod or workload with Pod, Service, claims, parameters Secret
//! ```

use serde_json::{Value, json};
use session_model::labels;
use session_model::objects::ownership::Ownership;

use crate::FakeApi;
use crate::patch::merge;

/// Qualified name of the Session resource in [`FakeApi::object`].
pub const SESSIONS: &str = "sessions.streaming.platform";
/// Start time of the fixtures' sessions: two hours before the time of a verb's call.
pub const START: &str = "2026-03-01T10:00:00Z";

/// A session and its objects. Made by [`SessionFixture::running`] and its kin, refined by the methods that return it again.
#[derive(Clone, Debug)]
pub struct SessionFixture {
    name: String,
    namespace: String,
    user: String,
    phase: &'static str,
    /// Status of the Pod; null without a Pod.
    pod_status: Value,
    pod_name: String,
    workload_name: String,
    /// Kind and replicas of a workload other than a Pod.
    workload: Option<(String, u32)>,
    home: bool,
    claims: Vec<Value>,
    service: bool,
    secret: bool,
    session_fields: Vec<Value>,
    pod_fields: Vec<Value>,
}

impl SessionFixture {
    /// A session whose Pod is ready; without hooks, claims, Service and Secret.
    pub fn running(name: &str) -> Self {
        Self {
            name: name.into(),
            namespace: "default".into(),
            user: "alice".into(),
            phase: "running",
            pod_status: ready_pod_status(),
            pod_name: format!("tool-{name}"),
            workload_name: format!("tool-{name}"),
            workload: None,
            home: false,
            claims: Vec::new(),
            service: false,
            secret: false,
            session_fields: Vec::new(),
            pod_fields: Vec::new(),
        }
    }

    /// A session that was stopped: it has no Pod.
    pub fn stopped(name: &str) -> Self {
        Self::running(name).at_rest()
    }

    /// The same after a stop: without its Pod.
    #[must_use]
    pub fn at_rest(mut self) -> Self {
        (self.phase, self.pod_status) = ("stopped", Value::Null);
        self.session_fields(json!({"spec": {"state": "stopped"}}))
    }

    /// A session whose container ended with exit code 1.
    pub fn failed(name: &str) -> Self {
        Self {
            phase: "failed",
            pod_status: ended_pod_status(1, "Error"),
            ..Self::running(name)
        }
    }

    /// A session whose Pod is scheduled, and whose container is being created.
    pub fn pending(name: &str) -> Self {
        Self {
            phase: "pending",
            pod_status: waiting_pod_status("ContainerCreating", ""),
            ..Self::running(name)
        }
    }

    /// A session that runs, and whose time was over at 11:00.
    pub fn expired(name: &str) -> Self {
        Self::running(name).status(json!({"expiresAt": "2026-03-01T11:00:00Z"}))
    }

    /// The same in another namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// The same of another user than alice.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.user = user.into();
        self
    }

    /// The same with a Pod of that name.
    #[must_use]
    pub fn pod_name(mut self, name: &str) -> Self {
        self.pod_name = name.into();
        self
    }

    /// The same with a StatefulSet, Deployment or Job that owns the Pod; a kind `Pod` changes nothing.
    #[must_use]
    pub fn workload(mut self, kind: &str, replicas: u32) -> Self {
        self.workload = (kind != "Pod").then(|| (kind.into(), replicas));
        self
    }

    /// The same with a claim `home-NAME` that the Pod mounts.
    #[must_use]
    pub fn home(mut self) -> Self {
        self.home = true;
        self
    }

    /// The same with a claim that no Pod mounts; see [`SessionFixture::claim_object`].
    #[must_use]
    pub fn claim(mut self, claim: Value) -> Self {
        self.claims.push(claim);
        self
    }

    /// The same with a Service.
    #[must_use]
    pub fn service(mut self) -> Self {
        self.service = true;
        self
    }

    /// The same with a parameters Secret.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The same with the sync hook `sync-home --all`.
    #[must_use]
    pub fn sync(self) -> Self {
        self.applied(
            json!({"hooks": {"sync": {"command": ["sync-home", "--all"], "timeout": "1m"}}}),
        )
    }

    /// The same with fields of the Session, merged as a merge patch.
    #[must_use]
    pub fn session_fields(mut self, fields: Value) -> Self {
        self.session_fields.push(fields);
        self
    }

    /// The same with fields of the Session's status.
    #[must_use]
    pub fn status(self, fields: Value) -> Self {
        self.session_fields(json!({"status": fields}))
    }

    /// The same with fields of what the last start recorded.
    #[must_use]
    pub fn applied(self, fields: Value) -> Self {
        self.status(json!({"applied": fields}))
    }

    /// The same with fields of the Pod, merged as a merge patch.
    #[must_use]
    pub fn pod_fields(mut self, fields: Value) -> Self {
        self.pod_fields.push(fields);
        self
    }

    /// Metadata of an object of the session that no one owns, such as a claim.
    pub fn metadata(&self, name: &str) -> Value {
        json!({
            "name": name, "namespace": self.namespace,
            "labels": {labels::MANAGED_BY: labels::MANAGER, labels::SESSION: self.name,
                labels::USER: labels::to_label_value(&self.user)},
            "annotations": {labels::USER_ID: self.user, labels::TEMPLATE: "tool", labels::RUN: "an-earlier-one",
                labels::SESSION_UID: self.session_uid()},
        })
    }

    /// A bound claim of the session.
    pub fn claim_object(&self, name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": self.metadata(name),
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "volumeMode": "Filesystem",
                "volumeName": format!("pv-{name}"), "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}})
    }

    /// The Session without what is known only after its objects are made: `status.applied.objects`.
    pub fn session(&self) -> Value {
        let kind = self.workload.as_ref().map_or("Pod", |(kind, _)| kind);
        let mut session = json!({
            "apiVersion": "streaming.platform/v1", "kind": "Session",
            "metadata": {"name": self.name, "namespace": self.namespace, "uid": self.session_uid(),
                "labels": {labels::MANAGED_BY: labels::MANAGER, labels::USER: labels::to_label_value(&self.user)}},
            "spec": {"userId": self.user, "template": "tool", "startRequest": START, "state": "running"},
            "status": {"phase": self.phase, "startRequest": START, "startTime": START, "template": "tool",
                "applied": {"primary": {"kind": kind, "name": self.primary_name(), "container": "main"}, "objects": []}},
        });
        if !self.pod_status.is_null() {
            session["status"]["podName"] = self.pod_name.as_str().into();
        }
        if self.workload.is_some() {
            session["status"]["applied"]["replicas"] =
                json!({format!("{kind}/{}", self.primary_name()): 1});
        }
        for fields in &self.session_fields {
            merge(&mut session, fields);
        }
        session
    }

    /// The Pod, owned by `owner`: the Session or its workload.
    pub fn pod(&self, owner: &Value) -> Value {
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": self.metadata(&self.pod_name),
            "spec": {"containers": [{"name": "main"}]}, "status": self.pod_status});
        pod["metadata"]["labels"][labels::PRIMARY] = "true".into();
        if self.home {
            let claim = json!({"claimName": format!("home-{}", self.name)});
            pod["spec"]["volumes"] = json!([{"name": "home", "persistentVolumeClaim": claim}]);
        }
        for fields in &self.pod_fields {
            merge(&mut pod, fields);
        }
        owned(pod, owner)
    }

    /// A server with the session. Its sync hook succeeds.
    pub fn server(&self) -> FakeApi {
        let api = FakeApi::stateful();
        api.execute("sync-home", crate::Execution::default());
        self.put(&api);
        api
    }

    /// Writes the session and its objects; returns the Session as the server has it.
    pub fn put(&self, api: &FakeApi) -> Value {
        let mut session = api.put(self.session());
        let (mut recorded, mut owner) = (Vec::new(), session.clone());
        if let Some((kind, replicas)) = &self.workload {
            let metadata = self.metadata(self.primary_name());
            let group = if kind == "Job" { "batch" } else { "apps" };
            let set = json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": metadata, "spec": {"replicas": replicas,
                "template": {"spec": self.pod(&session)["spec"]}}});
            owner = api.put(owned(set, &session));
            recorded.push(owner.clone());
        }
        if !self.pod_status.is_null() {
            let pod = api.put(self.pod(&owner));
            if recorded.is_empty() {
                recorded.push(pod);
            }
        }
        if self.service {
            let metadata = self.metadata(&format!("tool-{}", self.name));
            let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata});
            api.put(owned(service, &session));
        }
        if self.home {
            api.put(self.claim_object(&format!("home-{}", self.name)));
        }
        for claim in &self.claims {
            api.put(claim.clone());
        }
        if self.secret {
            let mut metadata = self.metadata(&format!("session-{}-parameters", self.name));
            metadata["labels"][labels::PARAMETERS] = "true".into();
            api.put(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"PASSWORD": "c2VjcmV0"}}));
        }
        let entry = |object: &Value| {
            json!({"apiVersion": object["apiVersion"], "kind": object["kind"],
                "name": object["metadata"]["name"], "uid": object["metadata"]["uid"]})
        };
        session["status"]["applied"]["objects"] = recorded.iter().map(entry).collect();
        api.put(session)
    }

    /// Writes a session of `workload`, of a kind that is not built in and that is then served as `plural`, and returns the workload.
    /// Its Pod has no label of the session. `fields` are added to the record of the primary workload: stop, start, ready.
    pub fn put_custom(&self, api: &FakeApi, workload: Value, plural: &str, fields: Value) -> Value {
        let [api_version, kind] = ["apiVersion", "kind"].map(|key| workload[key].clone());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        api.serve(&text(&api_version), &text(&kind), plural, true);
        let mut session = api.put(self.session());
        let mut workload = owned(workload, &session);
        workload["metadata"]["namespace"] = self.namespace.as_str().into();
        workload["metadata"]["labels"] = json!({labels::SESSION: self.name});
        let workload = api.put(workload);
        let (name, uid) = (&workload["metadata"]["name"], &workload["metadata"]["uid"]);
        let entry = json!({"apiVersion": api_version, "kind": kind, "name": name, "uid": uid});
        session["status"]["applied"]["objects"] = json!([entry]);
        let mut primary = json!({"kind": kind, "name": name, "container": "main"});
        merge(&mut primary, &fields);
        session["status"]["applied"]["primary"] = primary;
        api.put(session);
        if !self.pod_status.is_null() {
            let mut pod = self.pod(&workload);
            pod["metadata"]["labels"] = json!({});
            api.put(pod);
        }
        workload
    }

    fn primary_name(&self) -> &str {
        match &self.workload {
            Some(_) => &self.workload_name,
            None => &self.pod_name,
        }
    }

    /// UID of the Session: given with its fields, or one of its own for each namespace and name.
    fn session_uid(&self) -> String {
        let given = self.session_fields.iter().rev();
        let mut given = given.filter_map(|fields| fields["metadata"]["uid"].as_str());
        let own = || {
            let letters = self.namespace.bytes().chain(self.name.bytes());
            let sum = letters.fold(0_u64, |sum, letter| {
                (sum * 31 + u64::from(letter)) & 0xffff_ffff_ffff
            });
            format!("5e550000-0000-4000-8000-{sum:012x}")
        };
        given.next().map_or_else(own, str::to_owned)
    }
}

/// The object with a controlling owner.
pub fn owned(mut object: Value, owner: &Value) -> Value {
    object["metadata"]["ownerReferences"] = json!([{"apiVersion": owner["apiVersion"], "kind": owner["kind"],
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": true}]);
    object
}

/// Status of a Pod that is ready.
pub fn ready_pod_status() -> Value {
    json!({"phase": "Running", "conditions": [
        {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]})
}

/// Status of a scheduled Pod whose container `main` waits for this reason.
pub fn waiting_pod_status(reason: &str, message: &str) -> Value {
    json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"name": "main", "image": "nope", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": message}}}]})
}

/// Status of a Pod whose container `main` ended with that exit code.
pub fn ended_pod_status(code: i32, reason: &str) -> Value {
    json!({"phase": if code == 0 { "Succeeded" } else { "Failed" }, "containerStatuses": [
        {"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
         "state": {"terminated": {"exitCode": code, "reason": reason}}}]})
}

/// Lease of a controller that is alive now.
pub fn controller_lease() -> Value {
    let now = jiff::Timestamp::now().to_string();
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "session-controller", "namespace": "session-system"},
        "spec": {"holderIdentity": "c-1", "renewTime": now, "leaseDurationSeconds": 3600}})
}

/// Pods that wear the labels of session `name` in `default`: `nobodys` has no owner, `anothers` a Session of that name and
/// another UID.
pub fn pods_of_others(name: &str) -> [Value; 2] {
    let pod = |pod: &str, owners: Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": []},
            "metadata": {"name": pod, "namespace": "default", "ownerReferences": owners,
                "labels": {labels::SESSION: name, labels::USER: "alice", labels::PRIMARY: "true"}}})
    };
    let other = json!([{"apiVersion": "streaming.platform/v1", "kind": "Session", "name": name, "uid": "another"}]);
    [pod("nobodys", json!([])), pod("anothers", other)]
}

/// What the objects of session `a` of alice in namespace `ns` have in common.
pub fn ownership() -> Ownership {
    Ownership {
        session: "a".parse().unwrap(),
        session_uid: Some("u-1".into()),
        namespace: "ns".parse().unwrap(),
        user_id: "alice".parse().unwrap(),
        command_token: "r1".into(),
        template: Some("lab".into()),
        primary: None,
    }
}
