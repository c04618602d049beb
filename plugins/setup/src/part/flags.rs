//! The flags that every part has, and their validated form.

use anyhow::Result;
use clap::Args as Group;
use session_shared::flags::connection::ConnectionFlags;
use session_shared::flags::mutation_options::MutationOptions;
use session_shared::flags::output::ObjectOutputFlags;
use session_shared::flags::write::WriteFlags;
use session_shared::report::console::Console;

use super::platform::Platform;

/// Flags of every part.
#[derive(Group, Clone, Debug, Default)]
pub struct PartFlags {
    /// Template whose platform the objects are for
    #[arg(long = "for", value_name = "TEMPLATE")]
    pub template: Option<String>,

    /// If true, delete the objects of the part instead of applying them
    #[arg(long)]
    pub remove: bool,

    #[command(flatten)]
    pub output: ObjectOutputFlags,
    #[command(flatten)]
    pub write_flags: WriteFlags,
}

/// A validated request for a part, beside the part's own options.
#[derive(Debug)]
pub(crate) struct PartIntent {
    /// Platform of the template; `None` where a part does without.
    pub(crate) platform: Option<Platform>,
    /// Value of the label template; `None` where a part does without.
    pub(crate) template: Option<String>,
    pub(crate) remove: bool,
    pub(crate) mutation: MutationOptions,
    pub(crate) connection: ConnectionFlags,
}

impl PartFlags {
    /// Validates the flags of a part that has objects for some platforms.
    ///
    /// # Errors
    /// Usage errors: `--for` is missing or names another template; as [`MutationOptions::for_objects`].
    pub(crate) fn parse(
        &self,
        part: &str,
        platforms: &[Platform],
        connection: &ConnectionFlags,
        console: &mut Console,
    ) -> Result<(Platform, PartIntent)> {
        let platform = Platform::parse(self.template.as_deref(), part, platforms)?;
        let intent = self.parse_optional(part, platforms, connection, console)?;
        Ok((platform, intent))
    }

    /// As [`PartFlags::parse`], for a part that does without `--for`.
    ///
    /// # Errors
    /// As [`PartFlags::parse`].
    pub(crate) fn parse_optional(
        &self,
        part: &str,
        platforms: &[Platform],
        connection: &ConnectionFlags,
        console: &mut Console,
    ) -> Result<PartIntent> {
        let template = self.template.as_deref();
        let platform = template.map(|name| Platform::parse(Some(name), part, platforms));
        let platform = platform.transpose()?;
        let label = platform.map(|platform| platform.name().to_owned());
        self.labelled(label, platform, connection, console)
    }

    /// As [`PartFlags::parse`], for a part that has objects for any template, with a value of the label template.
    ///
    /// # Errors
    /// As [`MutationOptions::for_objects`].
    pub(crate) fn labelled(
        &self,
        template: Option<String>,
        platform: Option<Platform>,
        connection: &ConnectionFlags,
        console: &mut Console,
    ) -> Result<PartIntent> {
        Ok(PartIntent {
            platform,
            template,
            remove: self.remove,
            mutation: MutationOptions::for_objects(&self.write_flags, &self.output, console)?,
            connection: connection.clone(),
        })
    }
}
