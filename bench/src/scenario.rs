//! Types of a scenario. The scenarios themselves are in [`crate::table`].

use anyhow::Result;

use crate::process::{ends_after_its_input, ends_after_its_output, peak_memory, timed};
use crate::report::Report;
use crate::scene::Scene;
use crate::settings::Settings;

/// A measurement that is run by its name.
pub(crate) struct Scenario {
    /// `list`, for `cargo bench-list`.
    pub(crate) name: &'static str,
    /// One line for the help.
    pub(crate) about: &'static str,
    /// The flags that it takes.
    pub(crate) settings: &'static [Setting],
    /// Stages on a cluster that other tests may use at the same time, in order.
    pub(crate) stages: &'static [Stage],
    /// Measurement after the stages, without a cluster or with exclusive use of it.
    pub(crate) alone: Option<fn(&Settings, &mut Report) -> Result<()>>,
}

/// A flag with a value, or a switch.
pub(crate) struct Setting {
    /// The flag without its dashes.
    pub(crate) name: &'static str,
    /// The value where the flag is not given; None for a switch.
    pub(crate) default: Option<&'static str>,
    /// One line for the help.
    pub(crate) help: &'static str,
}

/// Objects in a namespace of their own, and what is measured with them.
pub(crate) struct Stage {
    /// Objects and rights that exist before the measurement.
    pub(crate) set_up: SetUp,
    /// Commands that run by turns.
    pub(crate) races: &'static [Race],
    /// Commands whose requests are counted, in this order.
    pub(crate) counts: &'static [Count],
    /// Measurement that the tables cannot express.
    pub(crate) more: Option<Code>,
    /// Commands that run at the end, for what the namespace's deletion leaves.
    pub(crate) clean_up: &'static [&'static str],
}

/// Function that measures more than commands.
pub(crate) type Code = fn(&Scene<'_>, &mut Report) -> Result<()>;

/// A stage without anything in it.
pub(crate) const STAGE: Stage = Stage {
    set_up: SET_UP,
    races: &[],
    counts: &[],
    more: None,
    clean_up: &[],
};

/// Set-up of a stage. The session API is always installed.
pub(crate) struct SetUp {
    /// User who runs the commands.
    pub(crate) who: Who,
    /// True if claims and snapshots are used.
    pub(crate) storage: bool,
    /// Manifests that commands name FILE and OTHER_FILE; CLASS in them is the storage class.
    pub(crate) files: &'static [&'static str],
    /// True if the namespace is filled with sessions, as many as the settings `sessions` and `pods` say.
    pub(crate) fill: bool,
    /// Commands that run before.
    pub(crate) commands: &'static [&'static str],
}

/// An editor of an empty namespace.
pub(crate) const SET_UP: SetUp = SetUp {
    who: Who::Editor,
    storage: false,
    files: &[],
    fill: false,
    commands: &[],
};

/// User who runs the commands of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The cluster's admin.
    Admin,
    /// A user of its own who may edit the namespace.
    Editor,
    /// The same with the role `session-user` beside `edit`.
    SessionUser,
    /// The same with the role `session-manager` beside `edit`: may create sessions for others.
    SessionManager,
}

/// Two sides that run by turns, and the rows that tell of them.
pub(crate) struct Race {
    /// The setting that says how many rounds.
    pub(crate) rounds: &'static str,
    /// Quantity that is measured of each command.
    pub(crate) measure: Measure,
    /// Our commands, one after the other: `session` is the program under test, `kubectl` the cluster's.
    pub(crate) ours: &'static [&'static str],
    /// The rival's; a race whose rival is an installed program that is missing is left out.
    pub(crate) rival: &'static [&'static str],
    /// Rows of the table.
    pub(crate) rows: &'static [Row],
}

/// A race for as many rounds as the setting `n` says, timed from start to end.
pub(crate) const fn race(
    ours: &'static [&'static str],
    rival: &'static [&'static str],
    rows: &'static [Row],
) -> Race {
    Race {
        rounds: "n",
        measure: Measure::Whole,
        ours,
        rival,
        rows,
    }
}

impl Race {
    /// The same for other rounds.
    pub(crate) const fn rounds(self, rounds: &'static str) -> Self {
        Self { rounds, ..self }
    }

    /// The same with something else measured.
    pub(crate) const fn measured(self, measure: Measure) -> Self {
        Self { measure, ..self }
    }
}

/// Quantity that is measured of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Milliseconds from start to end.
    Whole,
    /// Milliseconds from its last byte of output, a newline, to its end.
    AfterOutput,
    /// Milliseconds from the end of its input, which it echoes, to its end.
    AfterInput,
    /// The most memory that it holds at once, in MB.
    Memory,
}

impl Measure {
    /// Runs a command and measures it.
    pub(crate) fn of(self, command: &mut std::process::Command) -> Result<f64> {
        match self {
            Self::Whole => timed(command),
            Self::AfterOutput => ends_after_its_output(command),
            Self::AfterInput => ends_after_its_input(command),
            Self::Memory => peak_memory(command),
        }
    }

    /// The unit of what is measured.
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Memory => "MB",
            _ => "ms",
        }
    }
}

/// A row about a race: a name, in which `{sessions}` is the setting `sessions`, and what is told or judged.
pub(crate) type Row = (&'static str, Figure);

/// Figure of a row: printed only, or judged against a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Figure {
    /// Tells the rival's samples.
    Rival,
    /// Tells ours.
    Ours,
    /// Tells those of one of the rival's commands.
    RivalPart(usize),
    /// Tells those of one of our commands.
    OurPart(usize),
    /// Tells ours less the rival's, round by round.
    Difference,
    /// Tells ours over the rival's, round by round.
    Quotient,
    /// Our median over the rival's is at most this.
    Medians(f64),
    /// The median of the rounds' quotients is at most this.
    Rounds(f64),
    /// The same of speeds: at least this.
    Speed(f64),
    /// The median of the rounds' differences is at most this.
    Beyond(f64),
    /// Our median is at most this.
    AtMost(f64),
}

/// A command whose requests are counted.
pub(crate) struct Count {
    /// The command.
    pub(crate) command: &'static str,
    /// Maximum number of requests; `None` if they are only printed.
    pub(crate) at_most: Option<usize>,
}

/// A command and how many requests it may make.
pub(crate) const fn count(command: &'static str, at_most: usize) -> Count {
    Count {
        command,
        at_most: Some(at_most),
    }
}
