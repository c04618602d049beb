//! `template show`.

use anyhow::Result;
use session_shared::flags::connection::Connection;
use session_shared::report::format::Format;
use session_shared::template::{Manifest, Parameters, Problems};
use session_shared::verb::Ground;

use crate::args::Show;
use crate::chosen::{self, Chosen};
use crate::view;

/// Shows one template, for a person or as the object.
///
/// # Errors
/// When it is not there, or a format is none.
pub(crate) async fn run(args: &Show, connection: &Connection, ground: &mut Ground) -> Result<()> {
    let name = chosen::name_of(&args.name)?;
    let format = Format::of_object(&args.printing)?;
    let chosen = if args.builtin {
        chosen::of_builtin(&name)?
    } else {
        chosen::of_cluster(&ground.connect(connection).await?, &name).await?
    };
    let Chosen::Template(found) = &chosen else {
        return Ok(());
    };
    match format {
        Format::Objects(mut printer) => ground.console.out(&printer.one(&found.object)?),
        Format::Text { .. } => {
            // A template that cannot be used is shown as far as it can be read.
            let read = Manifest::parse(&found.manifest).and_then(|manifest| {
                let parameters = Parameters::of(&found.template.spec.parameters, &manifest)?;
                Ok((manifest, parameters))
            });
            for problem in read.as_ref().err().map(problems).unwrap_or_default() {
                ground.console.warn(&problem);
            }
            let text = view::template(&found.template, read.as_ref().ok());
            ground.console.out(&text)
        }
    }
}

/// Each thing that is wrong, on a line of its own.
fn problems(error: &anyhow::Error) -> Vec<String> {
    let all = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Problems>());
    match all {
        Some(problems) => problems.iter().map(ToString::to_string).collect(),
        None => vec![error.to_string()],
    }
}
