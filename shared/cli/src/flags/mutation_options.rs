//! Options that every verb that writes takes from its flags: dry run, field manager and output format.

use anyhow::Result;

use super::output::{NameOutputFlags, ObjectOutputFlags};
use super::write::WriteFlags;
use crate::report::console::Console;
use crate::report::format::Format;
use crate::report::mutation::MutationPrinter;
use session_client::{DryRun, WriteOptions};

/// Validated options of a command that writes.
#[derive(Clone, Debug)]
pub struct MutationOptions {
    /// `--dry-run`. A client-side dry run must not get as far as a write.
    pub dry_run: DryRun,
    /// Options of every write. A client-side dry run that gets as far as a write is a server-side one.
    pub write: WriteOptions,
    /// Format of the results.
    pub format: Format,
}

impl MutationOptions {
    /// Reads the flags of a verb that prints the objects it has written, and warns about a deprecated one.
    ///
    /// # Errors
    /// An invalid value of `--dry-run`; as [`Format::from_object_flags`].
    pub fn for_objects(
        write_flags: &WriteFlags,
        output: &ObjectOutputFlags,
        console: &mut Console,
    ) -> Result<Self> {
        let read = || Format::from_object_flags(output);
        Self::with_format(write_flags, read, console)
    }

    /// Reads the flags of a verb that prints names only, as [`MutationOptions::for_objects`].
    ///
    /// # Errors
    /// An invalid value of `--dry-run`; as [`Format::from_name_flags`].
    pub fn for_names(
        write_flags: &WriteFlags,
        output: &NameOutputFlags,
        console: &mut Console,
    ) -> Result<Self> {
        let read = || Format::from_name_flags(output);
        Self::with_format(write_flags, read, console)
    }

    /// Reads the flags of a verb without `-o`, as [`MutationOptions::for_objects`].
    ///
    /// # Errors
    /// An invalid value of `--dry-run`.
    pub fn for_text(write_flags: &WriteFlags, console: &mut Console) -> Result<Self> {
        let read = || Ok(Format::Text { wide: false });
        Self::with_format(write_flags, read, console)
    }

    fn with_format(
        write_flags: &WriteFlags,
        read_format: impl FnOnce() -> Result<Format>,
        console: &mut Console,
    ) -> Result<Self> {
        if let Some(text) = write_flags.deprecation_warning() {
            console.warn(text);
        }
        let dry_run = write_flags.dry_run()?;
        Ok(Self {
            dry_run,
            write: WriteOptions {
                dry_run: dry_run != DryRun::None,
                field_manager: write_flags.field_manager.clone(),
            },
            format: read_format()?,
        })
    }

    /// Returns a printer of the results.
    pub fn printer(&self) -> MutationPrinter {
        MutationPrinter::new(self.format.clone(), self.dry_run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(strategy: &str, console: &mut Console) -> Result<MutationOptions> {
        let flags = WriteFlags {
            strategy: strategy.into(),
            field_manager: "me".into(),
        };
        MutationOptions::for_text(&flags, console)
    }

    #[test]
    fn no_dry_run_stores_anything() {
        let (mut console, captured) = Console::for_test("", false);
        let client = options("client", &mut console).unwrap();
        assert!(client.dry_run == DryRun::Client && client.write.dry_run);
        let none = options("none", &mut console).unwrap();
        assert!(none.dry_run == DryRun::None && !none.write.dry_run);
        assert_eq!(none.write.field_manager, "me");
        assert_eq!(captured.stderr(), "");
    }

    #[test]
    fn a_bare_flag_is_warned_about_once() {
        let (mut console, captured) = Console::for_test("", false);
        for _ in 0..2 {
            let bare = options("unchanged", &mut console).unwrap();
            assert_eq!(bare.dry_run, DryRun::Client);
        }
        assert_eq!(
            captured.stderr().matches("--dry-run is deprecated").count(),
            1
        );
    }
}
