//! `snapshot prune`.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use session_shared::Timestamp;
use session_shared::cluster::Write;
use session_shared::duration::Lifetime;
use session_shared::failure::{self, usage};
use session_shared::flags::connection::Connection;
use session_shared::flags::selection::session_name;
use session_shared::flags::writing::DryRun;
use session_shared::names::SessionName;
use session_shared::report::format::{Allowed, Format};
use session_shared::report::mutation::Mutations;
use session_shared::verb::Ground;

use crate::args::Prune;
use crate::chosen::{self, Set};
use crate::delete::{How, carry_out};
use crate::doomed;

/// How long it waits for each when it is not told.
const USUAL_WAIT: Duration = Duration::from_secs(300);

/// Which snapshots of a session stay.
#[derive(Clone, Copy, Debug)]
struct Rule {
    /// The newest of those that are ready.
    keep: Option<usize>,
    /// Those that are younger.
    older_than: Option<Duration>,
}

/// Deletes old snapshots.
///
/// # Errors
/// What the user got wrong, before any request; what the server refuses, after all others have been deleted; nobody to ask.
pub(crate) async fn run(args: &Prune, connection: &Connection, ground: &mut Ground) -> Result<()> {
    // no request: everything the user can have got wrong
    if let Some(text) = args.writing.deprecation() {
        ground.console.warn(text);
    }
    let (session, rule) = (session(args)?, rule(args)?);
    let (dry_run, write) = (args.writing.dry_run()?, Write::of(&args.writing)?);
    let format = Format::parse(&args.output, Allowed::Name, false, false)?;
    // reads only
    let cluster = ground.connect(connection).await?;
    let all = chosen::sets(&cluster, session.as_ref()).await?;
    let doomed = rule.doomed(all, ground.now());
    // the user's word
    let agreed = args.yes || dry_run != DryRun::None;
    if !agreed && !doomed::ask(&doomed, &mut ground.console)? {
        return Ok(());
    }
    // writes and prints
    let how = How {
        write: &write,
        wait: args.waiting.wait,
        limit: args.waiting.limit(USUAL_WAIT),
        mutations: Mutations::new(format, dry_run),
        dry_run,
    };
    let errors = carry_out(&cluster, &doomed, &how, ground).await?;
    if doomed.is_empty() {
        ground.console.note("nothing to prune");
    }
    failure::all(errors)
}

fn session(args: &Prune) -> Result<Option<SessionName>> {
    match (&args.session, args.all) {
        (Some(_), true) => Err(usage("setting 'all' parameter but found a non empty name")),
        (None, false) => Err(usage("a NAME is required, or --all")),
        (Some(word), false) => session_name(word).map(Some),
        (None, true) => Ok(None),
    }
}

fn rule(args: &Prune) -> Result<Rule> {
    let older_than = match &args.older_than {
        None => None,
        Some(text) => {
            let age: Lifetime = text.parse()?;
            let age = age.duration();
            Some(age.ok_or_else(|| usage("--older-than must be longer than nothing"))?)
        }
    };
    if args.keep.is_none() && older_than.is_none() {
        return Err(usage("--keep or --older-than is required"));
    }
    let keep = args
        .keep
        .map(|keep| usize::try_from(keep).unwrap_or(usize::MAX));
    Ok(Rule { keep, older_than })
}

impl Rule {
    /// Those that go, of each session by itself. One that never got ready is none to go back to: it takes nobody's place among
    /// those that stay, and goes only by its age.
    fn doomed(self, all: Vec<Set>, now: Timestamp) -> Vec<Set> {
        let mut sessions: BTreeMap<String, Vec<Set>> = BTreeMap::new();
        for set in all {
            sessions.entry(set.session.clone()).or_default().push(set);
        }
        sessions
            .into_values()
            .flat_map(|sets| self.doomed_of_one(sets, now))
            .collect()
    }

    fn doomed_of_one(self, mut sets: Vec<Set>, now: Timestamp) -> Vec<Set> {
        sets.sort_by(|one, other| (other.made(), &other.name).cmp(&(one.made(), &one.name)));
        let mut ready = 0;
        sets.retain(|set| {
            let old = self.older_than.is_none_or(|age| is_older(set, age, now));
            if !set.is_ready() {
                return self.older_than.is_some() && old;
            }
            ready += 1;
            old && self.keep.is_none_or(|keep| ready > keep)
        });
        sets
    }
}

fn is_older(set: &Set, age: Duration, now: Timestamp) -> bool {
    let made = set.made();
    made.and_then(|made| made.checked_add(age).ok())
        .is_some_and(|until| until < now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(name: &str, made: &str, ready: bool) -> Set {
        let one = json!({ "metadata": { "name": name, "creationTimestamp": made }, "status": { "readyToUse": ready } });
        Set {
            name: name.to_owned(),
            session: name.chars().take(1).collect(),
            snapshots: vec![one],
        }
    }

    fn doomed(keep: Option<usize>, hours: Option<u64>) -> Vec<String> {
        let all = vec![
            set("a1", "2026-03-01T01:00:00Z", true),
            set("a2", "2026-03-01T02:00:00Z", false),
            set("a3", "2026-03-01T03:00:00Z", true),
            set("a4", "2026-03-01T04:00:00Z", true),
            set("a5", "2026-03-01T11:00:00Z", false),
            set("b1", "2026-03-01T01:00:00Z", true),
        ];
        let older_than = hours.map(|hours| Duration::from_secs(hours * 3600));
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let gone = Rule { keep, older_than }.doomed(all, now);
        gone.into_iter().map(|set| set.name).collect()
    }

    #[test]
    fn the_newest_of_each_session_stay() {
        assert_eq!(doomed(Some(1), None), ["a3", "a1"]);
        assert_eq!(doomed(Some(2), None), ["a1"]);
        assert_eq!(doomed(Some(0), None), ["a4", "a3", "a1", "b1"]);
    }

    #[test]
    fn what_is_young_stays_and_both_conditions_have_to_hold() {
        assert_eq!(doomed(None, Some(9)), ["a2", "a1", "b1"]);
        assert_eq!(doomed(Some(1), Some(9)), ["a2", "a1"]);
        assert_eq!(doomed(Some(3), Some(9)), ["a2"]);
        assert!(doomed(None, Some(20)).is_empty());
    }
}
