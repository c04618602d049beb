//! The images every cluster starts with, made of Debian's busybox and dropbear.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::gimp_images;
use crate::images::Image;
use crate::lab_images;
use crate::prerequisites::find;
use crate::preview_images;
use crate::say::say;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nsession:x:1000:1000:session:/home/session:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n";
const GROUP: &str = "root:x:0:\nsession:x:1000:\nnogroup:x:65534:\n";

const PAGE: &str =
    "<!doctype html>\n<title>session</title>\n<p>A page from inside the cluster.</p>\n";

/// Keys come from a variable, as a Secret or a parameter gives them, or from a mounted file; there is no password.
const SSH_START: &str = r#"#!/bin/sh
mkdir -p /etc/dropbear /home/USER/.ssh
if [ -n "$AUTHORIZED_KEYS" ]; then printf '%s\n' "$AUTHORIZED_KEYS" > /home/USER/.ssh/authorized_keys; fi
chown -R 1000:1000 /home/USER 2>/dev/null; chmod 700 /home/USER/.ssh 2>/dev/null
exec dropbear -R -E -F -p "${PORT:-DEFAULT_PORT}" "$@"
"#;

impl Image {
    /// An image with busybox and its applets, a writable /tmp, the users root, nobody and `session` (1000); runs `sh`.
    ///
    /// # Errors
    /// When this machine has no busybox.
    pub fn busybox(name: &str) -> Result<Self> {
        let busybox =
            find("busybox").context("busybox is missing: apt-get install busybox-static")?;
        let mut image = Self::new(name);
        for path in [
            "/bin",
            "/etc",
            "/usr",
            "/usr/bin",
            "/usr/sbin",
            "/var",
            "/proc",
            "/sys",
            "/dev",
            "/home",
            "/run",
        ] {
            image = image.folder(path, 0o755);
        }
        image = image
            .folder("/root", 0o700)
            .folder("/tmp", 0o1777)
            .folder("/var/tmp", 0o1777)
            .folder_of("/home/session", 0o755, 1000);
        image = image.program(&busybox, "/bin/busybox")?;
        let listed = Command::new(&busybox)
            .arg("--list")
            .output()
            .context("cannot ask busybox for its applets")?;
        for applet in String::from_utf8_lossy(&listed.stdout)
            .lines()
            .filter(|applet| *applet != "busybox")
        {
            image = image.link(&format!("/bin/{applet}"), "/bin/busybox");
        }
        // Scripts name it so.
        image = image.link("/usr/bin/env", "/bin/busybox");
        Ok(image
            .file("/etc/passwd", 0o644, PASSWD)
            .file("/etc/group", 0o644, GROUP)
            .command(["sh"]))
    }
}

/// All of them. The one with an ssh server is left out, saying so, where dropbear is missing.
///
/// # Errors
/// When busybox is missing or a file cannot be read.
pub(crate) fn all() -> Result<Vec<Image>> {
    let pause = Image::new("localhost/pause:1").program(
        &find("busybox").context("busybox is missing")?,
        "/bin/busybox",
    )?;
    // Ends at once on TERM, which a first process without a handler would ignore.
    let pause = pause.folder("/tmp", 0o1777).entrypoint([
        "/bin/busybox",
        "sh",
        "-c",
        "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait; done",
    ]);
    let busybox = Image::busybox("localhost/busybox:1")?
        .also("docker.io/library/busybox:latest")
        .also("docker.io/library/busybox:1.36");
    let page = http_page("localhost/http-page:1", "8080")?;
    let mut images = vec![pause, busybox, page];
    images.extend(lab_images::all()?);
    images.extend(gimp_images::all()?);
    images.extend(preview_images::all()?);
    match find("dropbear") {
        Some(dropbear) => images.extend([
            ssh_server("localhost/dropbear:1", &dropbear, "lab", "22")?,
            lab_images::vm(ssh_server("localhost/lab-vm:1", &dropbear, "lab", "22")?),
            ssh_server("localhost/sindri:1", &dropbear, "developer", "2222")?,
        ]),
        None => say(
            "no images localhost/dropbear:1, localhost/lab-vm:1 and localhost/sindri:1, as dropbear is missing",
        ),
    }
    Ok(images)
}

/// Serves a small page, and answers probes, on `port`.
fn http_page(name: &str, port: &str) -> Result<Image> {
    let image = Image::busybox(name)?
        .folder("/www", 0o755)
        .file("/www/index.html", 0o644, PAGE);
    let image = image
        .file("/www/health", 0o644, "ok\n")
        .file("/www/healthz", 0o644, "ok\n")
        .file("/www/ready", 0o644, "ok\n");
    Ok(image
        .entrypoint(["/bin/busybox", "httpd", "-f", "-v", "-h", "/www"])
        .command(["-p", port]))
}

/// Runs an SSH server on `port`, to which `user` may log in with a key.
fn ssh_server(name: &str, dropbear: &std::path::Path, user: &str, port: &str) -> Result<Image> {
    let passwd = format!("{PASSWD}{user}:x:1000:1000:{user}:/home/{user}:/bin/sh\n")
        .replace("session:x:1000:1000:session:/home/session:/bin/sh\n", "");
    let start = SSH_START
        .replace("USER", user)
        .replace("DEFAULT_PORT", port);
    let image = Image::busybox(name)?.program(dropbear, "/usr/sbin/dropbear")?;
    let image = image.file("/etc/passwd", 0o644, passwd).file(
        "/etc/shadow",
        0o600,
        format!("root:*:::::::\n{user}:*:::::::\n"),
    );
    let image = image
        .file("/etc/shells", 0o644, "/bin/sh\n")
        .file("/start-ssh", 0o755, start)
        .folder_of(&format!("/home/{user}"), 0o755, 1000);
    Ok(image.entrypoint(["/start-ssh"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busybox_has_all_its_names() {
        if find("busybox").is_none() {
            return;
        }
        let images = all().unwrap();
        let names: Vec<&str> = images
            .iter()
            .flat_map(|image| image.names())
            .map(String::as_str)
            .collect();
        for name in [
            "localhost/pause:1",
            "docker.io/library/busybox:latest",
            "docker.io/library/busybox:1.36",
            "localhost/http-page:1",
        ] {
            assert!(names.contains(&name), "{name} is missing");
        }
    }
}
