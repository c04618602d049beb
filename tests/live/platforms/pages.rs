//! The commands of docs/platforms, run as they stand there, in order, from the files in docs/examples.
//!
//! Images, sizes and classes that this cluster does not have are replaced by those that it has; so is the namespace.

use anyhow::{Result, ensure};
use session_cluster::EXPANDABLE_CLASS;

use super::files::LabWorld;
use super::{sindri_world, streamed};
use crate::lifecycle::{leaves_no_trace, traces};
use crate::preview::STAND_INS;
use crate::readme::{Shell, parse_examples};
use crate::world::{LARGE_SESSION, World};
use crate::{Live, kubelet};

pub(super) fn tests() -> Vec<Live> {
    vec![
        kubelet("platforms_page_of_nvim_web", nvim_web),
        kubelet("platforms_page_of_sindri", sindri),
        kubelet("platforms_page_of_gimp", gimp),
        kubelet("platforms_page_of_dozlab", dozlab),
        kubelet("platforms_page_of_disney_ai_plus", disney_ai_plus),
    ]
}

/// Replaces every first text by its second.
fn replace_all(text: &str, replacements: &[(&str, &str)]) -> String {
    replacements
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A page, and what a small cluster without registries needs for it.
struct Page<'a> {
    text: &'a str,
    /// The namespace that the page uses.
    namespace: &'a str,
    /// Texts of the files, and what stands there instead of them.
    replacements: &'a [(&'a str, &'a str)],
    /// Words of commands, and the flags that such commands get.
    flags: &'a [(&'a str, &'a str)],
}

impl Page<'_> {
    /// Runs all commands. Nothing may be left in the namespace.
    fn run(&self, world: &World) -> Result<()> {
        let before = traces(world)?;
        let mut shell = Shell::open(world, |text| replace_all(text, self.replacements))?;
        let mut count = 0;
        for mut example in parse_examples(self.text) {
            // The world is set up, and `setup` would undo what other tests change for a time.
            if example.command.starts_with("kubectl session setup") {
                continue;
            }
            example.command = self.command(&example.command, world.namespace.name());
            shell.run(&example)?;
            count += 1;
        }
        ensure!(count > 5, "{count} commands");
        leaves_no_trace(world, &before)
    }

    fn command(&self, command: &str, namespace: &str) -> String {
        let mut command = ["-n", "namespace"]
            .iter()
            .fold(command.to_owned(), |command, before| {
                let (from, to) = (self.namespace, namespace);
                command.replace(&format!("{before} {from}"), &format!("{before} {to}"))
            });
        for (words, flags) in self.flags {
            if command.contains(words) {
                command = format!("{command} {flags}");
            }
        }
        match command.contains(" -n ") {
            true => command,
            false => format!("{command} -n {namespace}"),
        }
    }
}

fn nvim_web() -> Result<()> {
    let world = World::installed("page-nvim")?;
    let page = Page {
        text: include_str!("../../../docs/platforms/nvim-web.md"),
        namespace: "nvim-web",
        replacements: &[],
        flags: &[(
            "session create",
            "--set IMAGE=localhost/http-page:1 --set WS_PORT=8080 --set HTTP_PORT=8081",
        )],
    };
    page.run(&world)
}

fn sindri() -> Result<()> {
    let world = sindri_world("page-sindri")?;
    let host = format!("{}.example.com", world.namespace.name());
    let page = Page {
        text: include_str!("../../../docs/platforms/sindri.md"),
        namespace: "dev-environments",
        replacements: &[
            ("fast-ssd", EXPANDABLE_CLASS),
            ("30GB", "64MB"),
            ("4GB", "64MB"),
            ("sindri.company.com", &host),
        ],
        flags: &[(
            "session create",
            "--set IMAGE=localhost/sindri:1 --set CPU_REQUEST=50m",
        )],
    };
    page.run(&world)
}

fn gimp() -> Result<()> {
    let world = streamed::restricted_world("page-gimp")?;
    let sizes = format!("--set STORAGE_CLASS={EXPANDABLE_CLASS} --set STORAGE_SIZE=64Mi");
    let small = "--set IMAGE=localhost/blender:1 --set CPU_REQUEST=50m --set MEMORY_REQUEST=32Mi";
    let page = Page {
        text: include_str!("../../../docs/platforms/gimp.md"),
        namespace: "streaming",
        replacements: &[
            ("ssd-user-storage", EXPANDABLE_CLASS),
            ("20Gi", "64Mi"),
            ("4Gi", "256Mi"),
        ],
        flags: &[("session create", small), ("--template", &sizes)],
    };
    page.run(&world)
}

fn dozlab() -> Result<()> {
    let world = LabWorld::new("page-dozlab")?;
    let images = "--set VM_IMAGE=localhost/lab-vm:1 --set INIT_IMAGE=localhost/lab-init:1 \
        --set NETWORK_IMAGE=localhost/busybox:1 --set EDITOR_IMAGE=localhost/lab-editor:1 \
        --set TERMINAL_IMAGE=localhost/lab-terminal:1 --set VM_CPU_REQUEST=50m";
    let page = Page {
        text: include_str!("../../../docs/platforms/dozlab.md"),
        namespace: "labs",
        replacements: &[("4Gi", "256Mi"), ("10Gi", "1Gi")],
        flags: &[("session create", images)],
    };
    page.run(&world.world)
}

fn disney_ai_plus() -> Result<()> {
    let world = sindri_world("page-preview")?;
    let _alone = LARGE_SESSION.lock();
    let domain = format!("{}.example.com", world.namespace.name());
    let class = format!("storageClassName: {EXPANDABLE_CLASS}");
    let mut replacements = STAND_INS.to_vec();
    replacements.extend([
        ("storageClassName: standard", class.as_str()),
        ("storage: \"5Gi\"", "storage: 64Mi"),
        ("staging.disney-ai-plus.example.com", domain.as_str()),
    ]);
    let values = format!(
        "--set WEB_IMAGE=localhost/preview-web:1 --set API_IMAGE=localhost/preview-api:1 \
         --set DB_IMAGE=localhost/preview-db:1 --set EXPORTER_IMAGE=localhost/preview-exporter:1 \
         --set DB_SIZE=64Mi --set STORAGE_CLASS={EXPANDABLE_CLASS} --set DOMAIN={domain}"
    );
    let page = Page {
        text: include_str!("../../../docs/platforms/disney-ai-plus.md"),
        namespace: "pr-17",
        replacements: &replacements,
        flags: &[("--template preview", &values)],
    };
    page.run(&world)
}
