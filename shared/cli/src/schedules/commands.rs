//! Commands about a schedule, which hints name.

use crate::report::console::Console;
use session_engine::scheduled_run::DEFAULT_IMAGE;
use session_model::encode::shell;

/// Commands about a schedule, for hints.
#[derive(Clone, Debug)]
pub struct ScheduleCommands {
    /// Removes the schedule.
    pub remove: String,
    /// Shows whether its runs fail.
    pub look: String,
    /// Runs a new image once, and what for.
    pub try_image: String,
}

impl ScheduleCommands {
    /// Returns the commands about a schedule that `schedule` lists and deletes; `sessions` are the words of its deletion.
    pub fn new(sessions: &str, namespace: &str, image: &str) -> Self {
        let image = shell::quote_word(image);
        Self {
            remove: format!("kubectl session schedule delete {sessions} -n {namespace}"),
            look: format!("kubectl session schedule list -n {namespace}"),
            try_image: format!(
                "kubectl run schedule-test --image={image} --restart=Never --attach --rm -n {namespace} -- version --client"
            ),
        }
    }
}

/// Prints how to find out now whether the nodes can pull and run an image that nothing is known of.
pub(super) fn print_new_image(
    image: &str,
    commands: &ScheduleCommands,
    namespace: &str,
    console: &mut Console,
) {
    let import = match image == DEFAULT_IMAGE {
        true => "; it must be imported on every node, or give another one with --image",
        false => "",
    };
    console.note(&format!(
        "image {image:?} has not been run in namespace {namespace:?} yet, so it is not known whether the nodes can pull it{import}"
    ));
    console.hint(&format!("run it once: {}", commands.try_image));
    console.hint(&format!("see whether it fails: {}", commands.look));
}
