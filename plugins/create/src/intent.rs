//! The validated command line of `create`, including the file of `-f`.

use std::time::Duration;

use anyhow::Result;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::output::ObjectOutputFlags;
use session_shared::flags::reconcile::parse_driver;
use session_shared::flags::wait::WaitFlags;
use session_shared::labels;
use session_shared::names::{SessionName, UserId};
use session_shared::ops::Driver;
use session_shared::ops::room_wait::RoomLimit;
use session_shared::report::console::Console;
use session_shared::template::AssignedValues;

use crate::args::{Args, DEFAULT_TIMEOUT};
use crate::given_session::GivenSession;
use crate::rendered_flags::RenderedFlags;
use crate::roster::args::{RosterFlags, RosterOptions};
use crate::session_flags::SessionFlags;
use crate::spec_flags::check_spec;

/// Maximum number of characters of the owner in a generated name: with time and random part it fits every built-in template.
const MAX_OWNER_CHARS: usize = 24;

/// A validated command line.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    /// The session from file or template, with the flags applied. Its name is the prefix of a generated one, or `None` for the owner as
    /// prefix; the owner in its spec is still empty if the API server has to be asked.
    pub(crate) session: GivenSession,
    /// True if the name is generated.
    pub(crate) generate_name: bool,
    /// Given parameter values, by their source.
    pub(crate) values: AssignedValues,
    /// Existing objects of others that the session may use, as `kind/name`.
    pub(crate) use_existing: Vec<String>,
    pub(crate) create_namespace: bool,
    pub(crate) skip_checks: bool,
    /// How long to wait for room; `None` to be refused without it.
    pub(crate) room: Option<RoomLimit>,
    /// Driver from the command line; `None` to choose by the Lease.
    pub(crate) driver: Option<Driver>,
    pub(crate) rendered: RenderedFlags,
    /// Time limit of the wait; `None` to not wait.
    pub(crate) wait: Option<Duration>,
    pub(crate) mutation: MutationOptions,
    pub(crate) connection: ConnectionFlags,
}

/// Applies the output flags, and validates the command line and the files it names. With a roster, the intent is that of a row without
/// any cell but the user.
///
/// # Errors
/// Every mistake that can be found without a request.
pub(crate) fn parse_intent(
    args: Args,
    console: &mut Console,
) -> Result<(Intent, Option<RosterOptions>)> {
    let Args {
        session,
        roster_flags,
        existing,
        manifest,
        create_namespace,
        skip_checks,
        generate_name,
        reconcile,
        rendered,
        output,
        verbosity,
        write_flags,
        wait_flags,
        room_flags,
        mut connection,
    } = args;
    console.apply_flags(&verbosity);
    let roster = read_roster(roster_flags, &session, &output, &wait_flags, console)?;
    check_schedule(roster.as_ref(), create_namespace, &wait_flags)?;
    let output = object_output(roster.as_ref(), output);
    let mutation = MutationOptions::for_objects(&write_flags, &output, console)?;
    rendered.check(mutation.dry_run)?;
    let names = session.parse_names()?;
    let driver = parse_driver(&reconcile)?;
    let has_roster = roster.is_some();
    let (session, values) = session.read(names, manifest, has_roster, &mut connection, console)?;
    let intent = Intent {
        generate_name: generate_name || session.name.is_none(),
        session,
        values,
        use_existing: existing.objects()?,
        create_namespace,
        skip_checks,
        room: room_flags.limit(mutation.dry_run)?,
        driver,
        rendered,
        wait: wait_limit(&wait_flags, has_roster),
        mutation,
        connection,
    };
    check_spec(&intent.session.spec)?;
    Ok((intent, roster))
}

/// Reads the roster; `None` without one.
///
/// # Errors
/// As [`RosterFlags::read_options`].
fn read_roster(
    flags: RosterFlags,
    session: &SessionFlags,
    output: &ObjectOutputFlags,
    wait_flags: &WaitFlags,
    console: &mut Console,
) -> Result<Option<RosterOptions>> {
    let ready_time = wait_flags.timeout_or(DEFAULT_TIMEOUT);
    let has_template = session.template.is_some();
    flags.read_options(output, &session.values, has_template, ready_time, console)
}

/// Checks the flags that a roster cannot have if it is created later.
///
/// # Errors
/// One of them is given.
fn check_schedule(
    roster: Option<&RosterOptions>,
    create_namespace: bool,
    wait_flags: &WaitFlags,
) -> Result<()> {
    let Some(schedule) = roster.and_then(|roster| roster.schedule.as_ref()) else {
        return Ok(());
    };
    let waits = wait_flags.is_wait_given && wait_flags.wait;
    schedule.check_flags(create_namespace, waits)
}

/// Returns the output flags for objects. A roster that is created now has formats of its own.
fn object_output(roster: Option<&RosterOptions>, output: ObjectOutputFlags) -> ObjectOutputFlags {
    match roster {
        Some(roster) if roster.schedule.is_none() => ObjectOutputFlags::default(),
        _ => output,
    }
}

/// Returns the time limit of the wait; `None` to not wait. The sessions of a roster are waited for only on demand.
fn wait_limit(flags: &WaitFlags, has_roster: bool) -> Option<Duration> {
    let waits = flags.wait && (!has_roster || flags.is_wait_given);
    waits.then(|| flags.timeout_or(DEFAULT_TIMEOUT))
}

/// Returns a generated name: `{owner}-{unix seconds}-{random}`, which sorts by time and can be filtered by owner. `begin`
/// takes the owner's place.
pub(crate) fn generate_name(
    owner: &UserId,
    begin: Option<&SessionName>,
    seconds: i64,
    random: &str,
) -> Result<SessionName> {
    // An owner that is cut keeps its hash, so that two owners have different names; a prefix is the user's own choice.
    let begin = match begin {
        Some(begin) => begin.as_str().chars().take(MAX_OWNER_CHARS).collect(),
        None => labels::to_name_part_within(owner.as_str(), MAX_OWNER_CHARS),
    };
    format!("{}-{seconds}-{random}", begin.trim_end_matches('-')).parse()
}

#[cfg(test)]
#[path = "intent_tests.rs"]
mod tests;
