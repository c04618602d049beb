//! Prints logs: the existing ones one after another, or all of them as they are written.

use anyhow::Result;
use session_shared::client::LogOptions;
use session_shared::failure;
use session_shared::ops::Cluster;
use session_shared::ops::follow_logs::LogEvent;
use session_shared::ops::follow_logs::LogFollower;
use session_shared::report::console::Console;
use session_shared::report::log_merger::LogMerger;

use crate::plan::{ContainerLog, line_prefix};

/// Prints existing logs, one after another. A log that cannot be read does not prevent the others from being printed.
///
/// # Errors
/// The errors of all logs that cannot be read.
pub(crate) async fn print_existing(
    cluster: &Cluster,
    namespace: &str,
    sources: &[ContainerLog],
    options: &LogOptions,
    prefixed: bool,
    console: &mut Console,
) -> Result<()> {
    let mut merger = LogMerger::default();
    let mut failed = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let ContainerLog { pod, container } = source;
        merger.add_log(if prefixed {
            line_prefix(pod, container)
        } else {
            String::new()
        });
        let options = LogOptions {
            container: container.clone(),
            ..options.clone()
        };
        let read = async {
            let mut stream = cluster.open_log(namespace, pod, &options).await?;
            while let Some(piece) = futures::StreamExt::next(&mut stream).await {
                console.print_bytes(&merger.push(index, &piece?))?;
            }
            anyhow::Ok(())
        };
        let result = read.await;
        console.print_bytes(&merger.end_log(index))?;
        match result {
            Err(error) if failure::find_failure(&error).is_none() => return Err(error),
            result => failed.extend(result.err()),
        }
    }
    failure::combine_errors(failed)
}

/// Prints logs as they are written, until no more can come.
///
/// # Errors
/// Any failure to watch the session or to read a log.
pub(crate) async fn print_followed(
    mut following: LogFollower,
    prefixed: bool,
    console: &mut Console,
) -> Result<()> {
    let mut merger = LogMerger::default();
    while let Some(event) = following.next(merger.open_log()).await? {
        match event {
            LogEvent::Started { pod, container, .. } => merger.add_log(if prefixed {
                line_prefix(&pod, &container)
            } else {
                String::new()
            }),
            LogEvent::Bytes { source, bytes } => {
                console.print_bytes(&merger.push(source, &bytes))?
            }
            LogEvent::Ended { source } => console.print_bytes(&merger.end_log(source))?,
            LogEvent::Note(text) => console.note(&text),
            LogEvent::Warning(text) => console.warn(&text),
        }
    }
    Ok(())
}
