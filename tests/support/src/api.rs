//! The fake API: scripted routes first, then a small stateful server.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::exec::{Execution, Heard};
use crate::kinds;
use crate::logs::Logs;
use crate::request::Recorded;
use crate::route::Routes;
use crate::store::Store;

pub(crate) struct State {
    routes: Routes,
    pub(crate) store: Store,
    pub(crate) logs: Logs,
    stateful: bool,
    log: Vec<Recorded>,
    unexpected: Vec<String>,
    user: Value,
    executions: Vec<(String, Execution)>,
    asked: Vec<Vec<String>>,
    pub(crate) heard: Vec<Heard>,
}

/// An API server that answers what a test tells it to, and remembers every request.
///
/// A request that nothing answers fails the test by name when the fake is dropped.
pub struct FakeApi {
    pub(crate) state: Arc<Mutex<State>>,
}

impl Default for FakeApi {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeApi {
    /// A server that only knows its routes.
    pub fn new() -> Self {
        let state = State {
            routes: Routes::default(),
            store: Store::new(),
            logs: Logs::default(),
            stateful: false,
            log: Vec::new(),
            unexpected: Vec::new(),
            user: json!({"username": "alice", "uid": "u-1", "groups": ["devs", "system:authenticated"]}),
            executions: Vec::new(),
            asked: Vec::new(),
            heard: Vec::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// A server that keeps objects: GET, LIST, Table, POST, PATCH, DELETE, WATCH and discovery of all types that sessions
    /// are made of, selfsubjectreviews, and exec as far as [`FakeApi::execute`] says. Routes still come first.
    pub fn stateful() -> Self {
        let api = Self::new();
        {
            let mut state = api.lock();
            state.stateful = true;
            state.store.guard();
        }
        api
    }

    /// Takes the admission policy away, which a stateful server has from the start: nothing keeps users from changing each
    /// other's sessions.
    pub fn unguarded(&self) -> &Self {
        self.lock().store.unguard();
        self
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Answers `method` on paths like `pattern` (`*` is one part, `**` the rest). Several answers for the same method and
    /// pattern are given one after another, the last one for ever.
    pub fn on(&self, method: &str, pattern: &str, answer: Answer) -> &Self {
        self.handle(method, pattern, move |_| answer.clone())
    }

    /// As [`FakeApi::on`], with an answer made from the request.
    pub fn handle(
        &self,
        method: &str,
        pattern: &str,
        handler: impl Fn(&Recorded) -> Answer + Send + Sync + 'static,
    ) -> &Self {
        self.lock().routes.add(method, pattern, Arc::new(handler));
        self
    }

    /// Forgets the scripted answers: the trouble is over.
    pub fn forget_answers(&self) {
        self.lock().routes = Routes::default();
    }

    /// Serves one more resource type.
    pub fn serve(&self, api_version: &str, kind: &str, plural: &str, namespaced: bool) -> &Self {
        self.lock()
            .store
            .kinds
            .push(kinds::kind(api_version, kind, plural, namespaced));
        self
    }

    /// Stops serving a type, as if its definition were not installed: `sessions.streaming.platform`.
    pub fn unserve(&self, qualified: &str) -> &Self {
        self.lock()
            .store
            .kinds
            .retain(|kind| kind.qualified() != qualified);
        self
    }

    /// Writes an object into the store, status included; returns it as the server has it now.
    pub fn put(&self, object: Value) -> Value {
        self.lock().store.put(object)
    }

    /// An object of the store: `object("pods", "ns", "x")`; namespace `""` for cluster-scoped types.
    pub fn object(&self, qualified: &str, namespace: &str, name: &str) -> Option<Value> {
        self.lock()
            .store
            .objects
            .get(&(qualified.into(), namespace.into(), name.into()))
            .cloned()
    }

    /// All objects of a type, by namespace and name.
    pub fn objects(&self, qualified: &str) -> Vec<Value> {
        self.lock()
            .store
            .objects
            .iter()
            .filter(|(key, _)| key.0 == qualified)
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// Takes an object away at once, whatever its finalizers, and what it owns.
    pub fn remove(&self, qualified: &str, namespace: &str, name: &str) {
        self.lock()
            .store
            .remove(&(qualified.into(), namespace.into(), name.into()));
    }

    /// A controller in the small: called with every created or changed object of a type, its results are written. It must
    /// come to an end: writing what is there already changes nothing and calls nobody.
    pub fn react(
        &self,
        qualified: &str,
        reaction: impl Fn(&Value) -> Vec<Value> + Send + Sync + 'static,
    ) -> &Self {
        self.lock().store.react(qualified, Arc::new(reaction));
        self
    }

    /// Who selfsubjectreviews says the caller is.
    pub fn user(&self, name: &str, groups: &[&str]) -> &Self {
        self.lock().user = json!({"username": name, "groups": groups});
        self
    }

    /// Lets a command in a container succeed or fail: the first whose words, joined by blanks, contain `part`.
    pub fn execute(&self, part: &str, execution: Execution) -> &Self {
        self.lock().executions.push((part.to_owned(), execution));
        self
    }

    /// The commands that were executed, in order.
    pub fn executed(&self) -> Vec<Vec<String>> {
        self.lock().asked.clone()
    }

    /// What each command heard, in the order of their ends.
    pub fn heard(&self) -> Vec<Heard> {
        self.lock().heard.clone()
    }

    /// Ends all watches, as a server does after some minutes.
    pub fn end_watches(&self) {
        let mut state = self.lock();
        state.store.epoch += 1;
        state.store.ring();
    }

    /// Forgets the history: watches from an earlier version get 410.
    pub fn forget_history(&self) {
        let mut state = self.lock();
        state.store.version += 1;
        state.store.floor = state.store.version;
    }

    /// Sends a bookmark to every watch.
    pub fn bookmark(&self) {
        self.lock().store.bookmark();
    }

    /// All requests so far, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().log.clone()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.lock().log.clear();
    }

    /// `GET /path?query` of all requests so far.
    pub fn lines(&self) -> Vec<String> {
        self.lock().log.iter().map(Recorded::line).collect()
    }

    /// The requests that would change something on a real server.
    pub fn writes(&self) -> Vec<Recorded> {
        self.lock()
            .log
            .iter()
            .filter(|request| request.writes())
            .cloned()
            .collect()
    }

    /// The reads before the first write that were sent more than once, sorted.
    pub fn repeated_reads(&self) -> Vec<String> {
        let state = self.lock();
        let before = state.log.iter().take_while(|request| !request.writes());
        let reads = before.filter(|request| request.method == "GET");
        let line = |read: &Recorded| format!("{} {:?}", read.line(), read.header("accept"));
        let mut lines: Vec<String> = reads.map(line).collect();
        lines.sort();
        let pairs = lines.windows(2).filter(|pair| pair[0] == pair[1]);
        let mut repeated: Vec<String> = pairs.map(|pair| pair[0].clone()).collect();
        repeated.dedup();
        repeated
    }

    /// The requests nothing answered so far, and forgets them.
    pub fn unexpected(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().unexpected)
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        let unexpected = self
            .state
            .lock()
            .map(|state| state.unexpected.clone())
            .unwrap_or_default();
        if !std::thread::panicking() && !unexpected.is_empty() {
            panic!("unexpected requests:\n{}", unexpected.join("\n"));
        }
    }
}

impl State {
    /// Records a request and finds its answer.
    pub(crate) fn answer(&mut self, request: Recorded) -> Answer {
        self.log.push(request.clone());
        if let Some(handler) = self.routes.answer(&request) {
            return handler(&request);
        }
        if self.stateful
            && let Some(answer) = self.standing(&request)
        {
            return answer;
        }
        self.unexpected.push(request.line());
        Answer::status(
            500,
            "InternalError",
            &format!("the test did not expect {}", request.line()),
            Value::Null,
        )
    }

    fn standing(&mut self, request: &Recorded) -> Option<Answer> {
        if request.method == "POST"
            && request.path == "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        {
            let review = json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "status": {"userInfo": self.user}});
            return Some(Answer::json(201, review));
        }
        if request.method == "POST" && request.path.ends_with("subjectaccessreviews") {
            let mut review = request.json();
            review["status"] = json!({"allowed": true});
            return Some(Answer::json(201, review));
        }
        if request.path == "/version" {
            return Some(Answer::ok(
                json!({"major": "1", "minor": "33", "gitVersion": "v1.33.0", "platform": "linux/amd64"}),
            ));
        }
        let place = kinds::place(&request.path)?;
        if place.plural == "pods" && place.subresource == "exec" {
            return self.exec(request);
        }
        if place.plural == "pods" && place.subresource == "log" {
            return Some(self.log(request, &place.namespace, &place.name));
        }
        self.store.answer(request, &place)
    }

    fn exec(&mut self, request: &Recorded) -> Option<Answer> {
        let pairs = request
            .raw_query
            .split('&')
            .filter_map(|pair| pair.strip_prefix("command="));
        let command: Vec<String> = pairs.map(crate::request::decode).collect();
        let line = command.join(" ");
        let found = self
            .executions
            .iter()
            .find(|(part, _)| line.contains(part.as_str()))
            .map(|(_, execution)| execution.clone())?;
        self.asked.push(command);
        Some(Answer::exec(found))
    }
}
