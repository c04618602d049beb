//! `template lint`: checks files.

use anyhow::{Result, bail};
use session_shared::failure::usage_error;
use session_shared::report::console::Console;
use session_shared::report::format::{Format, FormatSet};
use session_shared::template::lint_source;

use crate::args::TemplateLintArgs;
use crate::{plan, template_input, view};

/// Prints the findings of files.
///
/// # Errors
/// If a file cannot be read, or the findings contain an error; with `--strict`, also a warning.
pub(crate) fn run(args: TemplateLintArgs, console: &mut Console) -> Result<()> {
    let TemplateLintArgs {
        filename,
        strict,
        for_controller,
        replacements,
        output,
    } = args;
    if filename.iter().filter(|file| *file == "-").count() > 1 {
        return Err(usage_error("standard input can be read only once"));
    }
    let format = Format::parse(output.as_deref(), FormatSet::Object, false, false)?;
    if matches!(&format, Format::Objects(printer) if printer.is_name()) {
        bail!(
            "unable to match a printer suitable for the output format \"name\", allowed formats are: json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,yaml"
        );
    }
    let mut findings = Vec::new();
    for file in &filename {
        let source = template_input::read_source(file, &replacements, console)?;
        let found = lint_source(&source).into_iter();
        findings.extend(found.filter(|finding| for_controller || !finding.for_controller));
    }
    match format {
        Format::Objects(mut printer) => {
            console.print(&printer.print_object(&view::findings_json(&findings))?)?
        }
        Format::Text { .. } => {
            let lines: String = findings.iter().map(view::finding_text).collect();
            console.print(&lines)?;
            if findings.is_empty() {
                console.note("no problems found");
            }
        }
    }
    if plan::has_errors(&findings) || strict && plan::has_warnings(&findings) {
        bail!("lint found {}", plan::count_findings(&findings));
    }
    Ok(())
}
