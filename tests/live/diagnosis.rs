//! Every way not to come up, brought about for real: what `create` says about it.

mod admission;
mod claims;
mod containers;
mod credentials;
mod deletion;
mod images;
mod limits;
mod references;
mod registry;
mod scheduling;

use anyhow::Result;
use tempfile::NamedTempFile;

use crate::Live;
use crate::world::{Output, World};

pub(crate) fn tests() -> Vec<Live> {
    [
        images::tests(),
        containers::tests(),
        credentials::tests(),
        references::tests(),
        scheduling::tests(),
        claims::tests(),
        deletion::tests(),
        admission::tests(),
        limits::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The image every node has.
const BUSYBOX: &str = "image: \"localhost/busybox:1\", imagePullPolicy: Never";

/// Seconds within which every cause shows, however busy the machine is.
const LONG_ENOUGH: u64 = 20;

/// A Pod of one session: the fields of its spec, and further documents.
fn pod(spec: &str, rest: &str) -> Result<NamedTempFile> {
    file(&format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: \"${{SESSION_ID}}\"}}\nspec: {{terminationGracePeriodSeconds: 0, {spec}}}\n{rest}"
    ))
}

pub(crate) fn file(text: &str) -> Result<NamedTempFile> {
    use std::io::Write;
    let mut file = NamedTempFile::new()?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

/// What `create` of such a Pod says.
fn create(world: &World, name: &str, timeout: &str, spec: &str) -> Result<Output> {
    let file = pod(spec, "")?;
    create_file(world, name, timeout, &file)
}

pub(crate) fn create_file(
    world: &World,
    name: &str,
    timeout: &str,
    file: &NamedTempFile,
) -> Result<Output> {
    let path = file.path().to_string_lossy().into_owned();
    world.session(&[
        "create",
        name,
        "-f",
        &path,
        "--timeout",
        timeout,
        "--skip-checks",
    ])
}

/// `create` of such a Pod waits until its timeout, and then says all these texts. Where the machine is busy, the cause takes longer to
/// show: the session is deleted then, and created again with more time.
fn says_at_the_end(
    world: &World,
    name: &str,
    seconds: u64,
    spec: &str,
    texts: &[&str],
) -> Result<()> {
    says_at_the_end_of_file(world, name, seconds, &pod(spec, "")?, texts).map(drop)
}

/// As [`says_at_the_end`], with the file of `create`. Returns what it said.
fn says_at_the_end_of_file(
    world: &World,
    name: &str,
    mut seconds: u64,
    file: &NamedTempFile,
    texts: &[&str],
) -> Result<Output> {
    loop {
        let output = create_file(world, name, &format!("{seconds}s"), file)?;
        match says(Ok(output.clone()), texts) {
            Ok(()) => return Ok(output),
            Err(missing) if seconds > LONG_ENOUGH => return Err(missing),
            Err(_) => seconds *= 3,
        }
        let delete = ["delete", name, "--delete-data", "-y"];
        world.session(&delete)?.exits(0)?;
    }
}

/// `create` failed, and its standard error has all these texts, in this order.
pub(crate) fn says(failed: Result<Output>, texts: &[&str]) -> Result<()> {
    let failed = failed?.exits(1)?;
    let mut rest = failed.stderr.as_str();
    for text in texts {
        let Some((_, after)) = rest.split_once(text) else {
            anyhow::bail!("not said, or not in its place: {text}\n{}", failed.stderr);
        };
        rest = after;
    }
    Ok(())
}

fn asking(resources: &str) -> String {
    format!("containers: [{{name: main, {BUSYBOX}, resources: {{limits: {{{resources}}}}}}}]")
}
