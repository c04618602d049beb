//! One container of one Pod: its log from run to run, across everything that cuts it off.

use std::time::{Duration, Instant as Moment};

use anyhow::Result;
use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::{self, BoxStream};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use std::pin::pin;
use tokio::sync::watch::Receiver;

use super::scanner::Scanner;
use crate::Cluster;
use crate::missing_right::explain_log;
use session_client::{Backoff, LogOptions, LogStream, typed};
use session_model::failure::{self, Kind};
use session_model::objects::instance::{Instance, Stage};
use session_model::objects::resource::{POD, text};

/// The first pause before a log that gave nothing is opened again: a container that has just begun has no log for a moment.
const FIRST: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST: Duration = Duration::from_secs(30);
/// What is still on its way when a Pod is gone has so long to come.
const REST: Duration = Duration::from_secs(5);

/// What a follower has to tell.
#[derive(Debug)]
pub(super) enum Said {
    /// Bytes of the log that have not been given before.
    Text(Vec<u8>),
    /// A line for the user.
    Note(String),
}

/// Whose log it is.
#[derive(Clone, Debug)]
pub(super) struct Whose {
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) uid: String,
    pub(super) container: String,
}

pub(super) struct Follower {
    cluster: Cluster,
    whose: Whose,
    options: LogOptions,
    state: Receiver<Instance>,
    scanner: Scanner,
    reading: Option<LogStream>,
    /// The run whose log is read.
    run: Option<String>,
    /// The log was opened after its run had ended: what it gives is all.
    settled: bool,
    /// When it was opened first.
    begun: Option<Moment>,
    /// Between openings that give nothing.
    backoff: Backoff,
    /// The note that was told last.
    told: String,
}

/// What comes next.
enum Step {
    Read,
    Tell(String),
    End,
}

impl Follower {
    /// The log from its beginning, or from where `options` want it, to the end of the container's last run. `options` say
    /// whether times are wanted; the state is what the Pod says, as it changes.
    pub(super) fn stream(
        cluster: Cluster,
        whose: Whose,
        options: LogOptions,
        state: Receiver<Instance>,
    ) -> BoxStream<'static, Result<Said>> {
        let scanner = Scanner::new(options.timestamps, options.limit_bytes);
        let follower = Self {
            cluster,
            whose,
            options,
            state,
            scanner,
            reading: None,
            run: None,
            settled: false,
            begun: None,
            backoff: Backoff::between(FIRST, LONGEST),
            told: String::new(),
        };
        stream::unfold(Some(follower), |follower| async move {
            let mut follower = follower?;
            match follower.next().await {
                Ok(said) => said.map(|said| (Ok(said), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Said>> {
        loop {
            if self.scanner.is_full() {
                return Ok(None);
            }
            let Some(reading) = &mut self.reading else {
                match self.step().await? {
                    Step::Read => continue,
                    Step::Tell(note) if note == self.told => continue,
                    Step::Tell(note) => {
                        self.told.clone_from(&note);
                        return Ok(Some(Said::Note(note)));
                    }
                    Step::End => return Ok(None),
                }
            };
            let gone = pin!(is_gone_for_long(self.state.clone()));
            let piece = match select(reading.next(), gone).await {
                Either::Left((Some(Ok(piece)), _)) => self.scanner.take(&piece),
                // The end or a fault: all the same, we know where we were.
                Either::Left(_) | Either::Right(_) => {
                    self.reading = None;
                    let Some(why) = self.scanner.refusal() else {
                        continue;
                    };
                    let note = self.unreadable(&why);
                    if note == self.told {
                        continue;
                    }
                    self.told.clone_from(&note);
                    return Ok(Some(Said::Note(note)));
                }
            };
            if !piece.is_empty() {
                self.backoff.reset();
                self.told.clear();
                return Ok(Some(Said::Text(piece)));
            }
        }
    }

    /// Opens what is to be read next, or waits for it.
    async fn step(&mut self) -> Result<Step> {
        let now = self.state.borrow_and_update().clone();
        if now.stage == Stage::Gone {
            return Ok(Step::End);
        }
        if !now.id.is_empty() && self.run.as_deref() != Some(now.id.as_str()) {
            return self.enter(now).await;
        }
        match now.stage {
            Stage::Running => {
                self.pause().await;
                self.open(false).await
            }
            // Once more: what was written between the last read and the end.
            _ if self.run.is_some() && !self.settled => {
                self.settled = true;
                self.open(false).await
            }
            Stage::Over | Stage::Gone => Ok(Step::End),
            Stage::Waiting(reason) => {
                let Whose { pod, container, .. } = &self.whose;
                let note = format!(
                    "waiting for container {container:?} of pod {pod:?} to start: {reason}"
                );
                if note != self.told {
                    return Ok(Step::Tell(note));
                }
                Ok(self.changed().await)
            }
            Stage::Ended => Ok(self.changed().await),
        }
    }

    /// A run begins that was not read yet. What the one before wrote last comes first.
    async fn enter(&mut self, now: Instance) -> Result<Step> {
        if let Some(run) = &self.run
            && !now.previous.is_empty()
            && (!self.settled || *run != now.previous)
        {
            self.run = Some(now.previous);
            self.settled = true;
            return self.open(true).await;
        }
        let again = self.run.replace(now.id).is_some();
        self.settled = now.stage != Stage::Running;
        self.backoff.reset();
        let opened = self.open(false).await?;
        let Whose { pod, container, .. } = &self.whose;
        match opened {
            Step::Read if again => Ok(Step::Tell(format!(
                "container {container:?} of pod {pod:?} was restarted"
            ))),
            step => Ok(step),
        }
    }

    async fn open(&mut self, previous: bool) -> Result<Step> {
        let options = self.wanted(previous);
        let (cluster, run) = (&self.cluster, self.run.as_deref());
        let Whose {
            namespace,
            pod,
            uid,
            container,
        } = &self.whose;
        let opened = async {
            let stream = cluster
                .log(namespace, pod, &options)
                .await
                .map_err(|error| explain_log(error, namespace))?;
            // Logs go by name. What was opened is ours only if the Pod still is.
            let found = cluster.get(&POD, namespace, pod).await?;
            let ours = found.filter(|found| text(found, "/metadata/uid") == uid);
            // And what was opened is of the run we mean only if no other has begun meanwhile: then that is told of first.
            let same = ours.is_some_and(|ours| previous || is_of_run(ours, container, run));
            anyhow::Ok(same.then_some(stream))
        };
        let gone = pin!(is_gone_for_long(self.state.clone()));
        let opened = match select(pin!(opened), gone).await {
            Either::Left((opened, _)) => opened,
            Either::Right(_) => return Ok(Step::End),
        };
        match opened {
            Ok(Some(stream)) => {
                self.reading = Some(stream);
                Ok(Step::Read)
            }
            Ok(None) => Ok(self.overtaken().await),
            Err(error) => self.failed(error, previous).await,
        }
    }

    /// Whether a log that cannot be opened is worth another try.
    async fn failed(&mut self, error: anyhow::Error, previous: bool) -> Result<Step> {
        let Some(failed) = failure::of(&error) else {
            return Err(error);
        };
        match failed.kind {
            Kind::Forbidden | Kind::Unauthorized | Kind::Configuration => return Err(error),
            // The kubelet has removed it: there is nothing left to be read.
            _ if previous && failed.code != 0 && failed.code < 500 => return Ok(Step::Read),
            Kind::NotFound => return Ok(self.changed().await),
            _ => {}
        }
        // It has to be opened again as it was meant to be.
        self.settled = false;
        let note = self.unreadable(&failed.message);
        // Just before it begins a container has no log: that is no trouble.
        let expected = failed.code == 400;
        self.pause().await;
        Ok(if expected {
            Step::Read
        } else {
            Step::Tell(note)
        })
    }

    fn unreadable(&self, why: &str) -> String {
        format!("cannot read the log of pod {:?}: {why}", self.whose.pod)
    }

    /// The first time what the user asked for; after that what comes after the line that was last.
    fn wanted(&mut self, previous: bool) -> LogOptions {
        let first = self.begun.is_none();
        let begun = *self.begun.get_or_insert_with(Moment::now);
        let since = self.scanner.reopen();
        let base = LogOptions {
            container: self.whose.container.clone(),
            follow: !previous && !self.settled,
            previous,
            timestamps: true,
            ..LogOptions::default()
        };
        if first {
            return LogOptions {
                since_seconds: self.options.since_seconds,
                since_time: self.options.since_time,
                tail: self.options.tail,
                ..base
            };
        }
        let seconds = begun.elapsed().as_secs() + 1;
        let narrowed = self.options.tail.is_some() || self.options.since_seconds.is_some();
        LogOptions {
            since_seconds: match since {
                Some(_) => None,
                // Nothing was seen yet, and not everything was asked for.
                None => narrowed.then(|| seconds + self.options.since_seconds.unwrap_or_default()),
            },
            since_time: since.or(self.options.since_time),
            ..base
        }
    }

    /// Waits to hear of the run or the end of the Pod that we have already seen. A pause may have taken the news in before.
    async fn overtaken(&mut self) -> Step {
        let run = &self.run;
        let news = self.state.wait_for(|now| {
            now.stage == Stage::Gone || run.as_ref().is_some_and(|run| *run != now.id)
        });
        match news.await {
            Ok(_) => Step::Read,
            Err(_) => Step::End,
        }
    }

    async fn changed(&mut self) -> Step {
        match self.state.changed().await {
            Ok(()) => Step::Read,
            Err(_) => Step::End,
        }
    }

    /// Waits for a while, or until there is news. Those are left to be taken in by whoever waits for them next: a Pod that
    /// goes in the meantime goes only once.
    async fn pause(&mut self) {
        let mut state = self.state.clone();
        let changed = pin!(state.changed());
        select(changed, pin!(self.backoff.pause())).await;
    }
}

/// True unless the container is known to be in another run than that.
fn is_of_run(pod: Value, container: &str, run: Option<&str>) -> bool {
    let now = typed::<Pod>(pod).map(|pod| Instance::of(&pod, container).id);
    let now = now.unwrap_or_default();
    now.is_empty() || run.is_none_or(|run| run == now)
}

/// Ends some time after the Pod is gone: a connection that hangs must not keep us.
async fn is_gone_for_long(mut state: Receiver<Instance>) {
    if state
        .wait_for(|instance| instance.stage == Stage::Gone)
        .await
        .is_ok()
    {
        tokio::time::sleep(REST).await;
    }
}
