//! Namespace and context that a converted configuration file names.

use session_template::Conversion;

use super::connection::ConnectionFlags;
use crate::report::console::Console;

/// Makes namespace and context of the file those of the connection. A flag goes first, with a note if it differs. Returns the
/// file's namespace if it is used.
pub fn adopt_file_connection(
    file: &str,
    converted: &Conversion,
    connection: &mut ConnectionFlags,
    console: &mut Console,
) -> Option<String> {
    let mut adopt = |flag: &mut Option<String>, found: &Option<String>, what: &str| {
        let found = found.clone()?;
        match flag.as_deref().filter(|given| !given.is_empty()) {
            None => *flag = Some(found.clone()),
            Some(given) if given == found => {}
            Some(given) => {
                console.note(&format!(
                    "{what} {given:?} of the command line is used, not {found:?} of {file}"
                ));
                return None;
            }
        }
        Some(found)
    };
    adopt(&mut connection.context, &converted.context, "context");
    adopt(&mut connection.namespace, &converted.namespace, "namespace")
}
