//! `pods/log`: what containers wrote, run by run, and who reads it as it is written.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::answer::{Answer, Body};
use crate::api::{FakeApi, State};
use crate::request::Recorded;

/// (UID of the Pod, container)
type Key = (String, String);

/// Every container's log.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    runs: BTreeMap<Key, Vec<Run>>,
    /// Streams break when it changes.
    epoch: u64,
    /// The node answers nobody.
    shut: bool,
}

#[derive(Clone, Debug, Default)]
struct Run {
    /// Time and bytes of each line.
    lines: Vec<(String, Vec<u8>)>,
    ended: bool,
}

/// A log that is being read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    key: Key,
    run: usize,
    /// Lines that were sent.
    sent: usize,
    follow: bool,
    stamped: bool,
    since: String,
    epoch: u64,
}

impl FakeApi {
    /// A container of a Pod of the store writes a line, at a time (RFC 3339, UTC, nine digits after the point).
    pub fn write_log(&self, pod: &str, container: &str, time: &str, line: &[u8]) {
        self.with_runs(pod, container, |runs| {
            if runs.is_empty() {
                runs.push(Run::default());
            }
            let run = runs.last_mut().unwrap();
            run.lines.push((time.to_owned(), line.to_vec()));
        });
    }

    /// The node rotates a log: what was written so far can no longer be read.
    pub fn rotate_log(&self, pod: &str, container: &str) {
        self.with_runs(pod, container, |runs| {
            runs.iter_mut().for_each(|run| run.lines.clear())
        });
    }

    /// The run of a container ends.
    pub fn end_run(&self, pod: &str, container: &str) {
        self.with_runs(pod, container, |runs| {
            runs.iter_mut().for_each(|run| run.ended = true)
        });
    }

    /// A container is started again.
    pub fn begin_run(&self, pod: &str, container: &str) {
        self.with_runs(pod, container, |runs| runs.push(Run::default()));
    }

    /// Breaks all streams of logs.
    pub fn cut_logs(&self) {
        let mut state = self.state.lock().unwrap();
        state.logs.epoch += 1;
        state.store.ring();
    }

    /// Breaks all streams of logs, and lets nobody read any while `act` happens: what happens then, happens at once.
    pub fn without_logs(&self, act: impl FnOnce()) {
        self.state.lock().unwrap().logs.shut = true;
        self.cut_logs();
        act();
        self.state.lock().unwrap().logs.shut = false;
    }

    fn with_runs(&self, pod: &str, container: &str, act: impl FnOnce(&mut Vec<Run>)) {
        let mut state = self.state.lock().unwrap();
        let uid = state
            .uid_of("default", pod)
            .expect("the pod is in the store");
        let runs = state.logs.runs.entry((uid, container.to_owned()));
        act(runs.or_default());
        state.store.ring();
    }
}

impl State {
    fn uid_of(&self, namespace: &str, pod: &str) -> Option<String> {
        let key = ("pods".to_owned(), namespace.to_owned(), pod.to_owned());
        let found = self.store.objects.get(&key)?;
        Some(found["metadata"]["uid"].as_str()?.to_owned())
    }

    /// Answers GET pods/log.
    pub(crate) fn log(&self, request: &Recorded, namespace: &str, pod: &str) -> Answer {
        if self.logs.shut {
            return Answer::internal("dial tcp 192.0.2.1:10250: connect: connection refused");
        }
        let Some(uid) = self.uid_of(namespace, pod) else {
            return Answer::not_found("pods", pod);
        };
        let is = |flag: &str| request.query(flag).as_deref() == Some("true");
        let container = request.query("container").unwrap_or_default();
        let key = (uid, container.clone());
        let runs = self.logs.runs.get(&key).map_or(0, Vec::len);
        let wanted = if is("previous") { 2 } else { 1 };
        let Some(run) = runs.checked_sub(wanted) else {
            let message = if wanted == 2 {
                format!("previous terminated container {container:?} in pod {pod:?} not found")
            } else {
                format!(
                    "container {container:?} in pod {pod:?} is waiting to start: ContainerCreating"
                )
            };
            return Answer::status(400, "BadRequest", &message, json!(null));
        };
        // The server cuts it to whole seconds.
        let since = request.query("sinceTime").unwrap_or_default();
        let lines = &self.logs.runs[&key][run].lines;
        let tail = request
            .query("tailLines")
            .and_then(|tail| tail.parse::<usize>().ok());
        let reading = Reading {
            key,
            run,
            sent: tail.map_or(0, |tail| lines.len().saturating_sub(tail)),
            follow: is("follow"),
            stamped: is("timestamps"),
            since: since.chars().take(19).collect(),
            epoch: self.logs.epoch,
        };
        Answer::of_log(Body::Log(Box::new(reading)))
    }
}

impl Reading {
    /// The next piece of the body; `None` at its end.
    pub(crate) async fn next(&mut self, state: &Arc<Mutex<State>>) -> Option<io::Result<Vec<u8>>> {
        loop {
            let mut bell = {
                let state = state.lock().unwrap();
                if state.logs.epoch != self.epoch {
                    return Some(Err(io::Error::other("the fake hangs up")));
                }
                let run = &state.logs.runs[&self.key][self.run];
                let lines: Vec<u8> = run.lines[self.sent..]
                    .iter()
                    .filter(|(time, _)| self.since.is_empty() || time[..19] >= *self.since)
                    .flat_map(|(time, line)| self.line(time, line))
                    .collect();
                self.sent = run.lines.len();
                if !lines.is_empty() {
                    return Some(Ok(lines));
                }
                if run.ended || !self.follow {
                    return None;
                }
                state.store.bell.subscribe()
            };
            // The clock lets a client that went away be noticed.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), bell.changed()).await;
        }
    }

    fn line(&self, time: &str, line: &[u8]) -> Vec<u8> {
        let time = if self.stamped {
            format!("{time} ")
        } else {
            String::new()
        };
        [time.as_bytes(), line].concat()
    }
}
